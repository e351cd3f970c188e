//! libpcap, found when it is first asked for.
//!
//! In: nothing. Out: [`load`], which finds it; under the names of its functions, ones that hand on to it, which is where
//! the linker finds what the `pcap` crate calls. Must not know: what is captured, what to do where there is none.
//!
//! Linked in the usual way, a program does not start where the library is missing, not even to read a file, and one that
//! was built where it is called `libpcap.so.0.8` (Debian) does not where it is called `libpcap.so.1` (the others).

#![allow(unsafe_code, reason = "functions of another language, by their declared types")]

use std::ffi::{c_char, c_int, c_uchar, c_uint, c_void};
use std::process::abort;
use std::sync::OnceLock;

use libloading::Library;

/// What the library is called: by its authors, by Debian and those after it, and where only its headers' package tells.
const NAMES: [&str; 3] = ["libpcap.so.1", "libpcap.so.0.8", "libpcap.so"];

/// Finds the library.
///
/// # Errors
/// There is none, or it is too old and lacks a function: what the system says of it.
pub(super) fn load() -> Result<(), &'static str> {
    libpcap().map(|_| ())
}

/// The library, once found, is there for as long as the process runs; one that was not found is not looked for again.
fn libpcap() -> Result<&'static Functions, &'static str> {
    static LIBPCAP: OnceLock<Result<Functions, String>> = OnceLock::new();
    let found = LIBPCAP.get_or_init(|| Functions::of(find()?).map_err(|error| error.to_string()));
    found.as_ref().map_err(String::as_str)
}

fn find() -> Result<Library, String> {
    let mut why = String::new();
    for name in NAMES {
        // SAFETY: what libpcap and its own libraries do when they are loaded needs nothing of this process.
        match unsafe { Library::new(name) } {
            Ok(library) => return Ok(library),
            Err(error) => {
                let said = error.to_string();
                // One that is there and cannot be loaded tells more than one that is not there.
                if why.is_empty() || !said.starts_with(name) {
                    why = said;
                }
            }
        }
    }
    Err(why)
}

/// For each function: a field with its address, and one of its name that calls it.
macro_rules! functions {
    ($($name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        struct Functions {
            $($name: unsafe extern "C" fn($($type),*) $(-> $result)?,)*
        }

        impl Functions {
            /// Their addresses stay true: the library is never let go of.
            fn of(library: Library) -> Result<Self, libloading::Error> {
                let library = Box::leak(Box::new(library));
                // SAFETY: the types are those of libpcap's pcap.h, which it keeps.
                Ok(unsafe { Self { $($name: *library.get(stringify!($name).as_bytes())?,)* } })
            }
        }

        $(
            // SAFETY: the program has no other function of that name, unless it is libpcap's own.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name($($argument: $type),*) $(-> $result)? {
                // There is nothing to hand on to, and no way to say so in place of an answer. [`load`] comes first.
                let Ok(functions) = libpcap() else { abort() };
                // SAFETY: the caller promises what the function itself asks for.
                unsafe { (functions.$name)($($argument),*) }
            }
        )*
    };
}

/// A pointer to what only libpcap looks into.
type Opaque = *mut c_void;
type Text = *const c_char;
type Handler = extern "C" fn(*mut c_uchar, *const c_void, *const c_uchar);

// All that the crate names, used here or not: one that is missing would bring the library back as one to start with.
functions! {
    pcap_activate(capture: Opaque) -> c_int;
    pcap_breakloop(capture: Opaque);
    pcap_close(capture: Opaque);
    pcap_compile(capture: Opaque, program: Opaque, text: Text, optimise: c_int, mask: c_uint) -> c_int;
    pcap_create(source: Text, error: *mut c_char) -> Opaque;
    pcap_datalink(capture: Opaque) -> c_int;
    pcap_datalink_name_to_val(name: Text) -> c_int;
    pcap_datalink_val_to_description(link: c_int) -> Text;
    pcap_datalink_val_to_name(link: c_int) -> Text;
    pcap_dispatch(capture: Opaque, count: c_int, handler: Handler, user: *mut c_uchar) -> c_int;
    pcap_dump(user: *mut c_uchar, header: *const c_void, bytes: *const c_uchar);
    pcap_dump_close(dumper: Opaque);
    pcap_dump_flush(dumper: Opaque) -> c_int;
    pcap_dump_fopen(capture: Opaque, file: Opaque) -> Opaque;
    pcap_dump_open(capture: Opaque, path: Text) -> Opaque;
    pcap_dump_open_append(capture: Opaque, path: Text) -> Opaque;
    pcap_fileno(capture: Opaque) -> c_int;
    pcap_findalldevs(devices: *mut Opaque, error: *mut c_char) -> c_int;
    pcap_fopen_offline(file: Opaque, error: *mut c_char) -> Opaque;
    pcap_fopen_offline_with_tstamp_precision(file: Opaque, precision: c_uint, error: *mut c_char) -> Opaque;
    pcap_free_datalinks(links: *mut c_int);
    pcap_freealldevs(devices: Opaque);
    pcap_freecode(program: Opaque);
    pcap_get_selectable_fd(capture: Opaque) -> c_int;
    pcap_geterr(capture: Opaque) -> *mut c_char;
    pcap_list_datalinks(capture: Opaque, links: *mut *mut c_int) -> c_int;
    pcap_loop(capture: Opaque, count: c_int, handler: Handler, user: *mut c_uchar) -> c_int;
    pcap_major_version(capture: Opaque) -> c_int;
    pcap_minor_version(capture: Opaque) -> c_int;
    pcap_next_ex(capture: Opaque, header: *mut Opaque, bytes: *mut *const c_uchar) -> c_int;
    pcap_offline_filter(program: *const c_void, header: *const c_void, bytes: *const c_uchar) -> c_int;
    pcap_open_dead(link: c_int, snaplen: c_int) -> Opaque;
    pcap_open_dead_with_tstamp_precision(link: c_int, snaplen: c_int, precision: c_uint) -> Opaque;
    pcap_open_offline(path: Text, error: *mut c_char) -> Opaque;
    pcap_open_offline_with_tstamp_precision(path: Text, precision: c_uint, error: *mut c_char) -> Opaque;
    pcap_sendpacket(capture: Opaque, bytes: *const c_uchar, length: c_int) -> c_int;
    pcap_set_buffer_size(capture: Opaque, bytes: c_int) -> c_int;
    pcap_set_datalink(capture: Opaque, link: c_int) -> c_int;
    pcap_set_immediate_mode(capture: Opaque, on: c_int) -> c_int;
    pcap_set_promisc(capture: Opaque, on: c_int) -> c_int;
    pcap_set_rfmon(capture: Opaque, on: c_int) -> c_int;
    pcap_set_snaplen(capture: Opaque, bytes: c_int) -> c_int;
    pcap_set_timeout(capture: Opaque, milliseconds: c_int) -> c_int;
    pcap_set_tstamp_precision(capture: Opaque, precision: c_int) -> c_int;
    pcap_set_tstamp_type(capture: Opaque, kind: c_int) -> c_int;
    pcap_setdirection(capture: Opaque, direction: c_uint) -> c_int;
    pcap_setfilter(capture: Opaque, program: Opaque) -> c_int;
    pcap_setnonblock(capture: Opaque, on: c_int, error: *mut c_char) -> c_int;
    pcap_stats(capture: Opaque, stats: Opaque) -> c_int;
}
