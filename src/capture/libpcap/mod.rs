//! libpcap, and whether it is there.
//!
//! In: nothing. Out: [`load`], which whoever calls the `pcap` crate asks first. Must not know: what is captured.

use crate::error::Error;

#[cfg(all(target_os = "linux", not(target_feature = "crt-static")))]
mod loaded;

/// Sees that the library is there. On Linux it is found now; elsewhere the system found it when the process began, and
/// in a wholly static program it is a part.
///
/// # Errors
/// There is none, or it is too old: what to install, on one line.
pub(super) fn load() -> Result<(), Error> {
    #[cfg(all(target_os = "linux", not(target_feature = "crt-static")))]
    loaded::load().map_err(|why| {
        Error::Usage(format!(
            "interfaces and --filter need libpcap: {why}; install it (apt-get install libpcap0.8, dnf install \
             libpcap), or do without: tcpdump -U -w - | lyncap live -r - for interfaces, --host and --port for --filter"
        ))
    })?;
    Ok(())
}
