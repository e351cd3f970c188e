//! What Windows servers speak, as Samba speaks it.
//!
//! In: smbd, samba-dcerpcd, smbclient, rpcclient. Out: that SMB is named with its version, RPC with what it announces.
//! Must not know: how either is recognised.

use lyncap::evidence::{Protocol, Version};
use lyncap::net::Transport::Tcp;

use super::place::{Place, path_of};
use super::watch::Watch;

/// Writes a configuration in which every path is in the place's own folder.
fn configure(place: &Place, more: &str) {
    let folder = |name: &str| {
        let path = place.path(name);
        std::fs::create_dir_all(&path).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let paths: String = [
        ("private dir", "private"),
        ("lock directory", "lock"),
        ("state directory", "state"),
        ("cache directory", "cache"),
        ("pid directory", "pid"),
        ("ncalrpc dir", "ncalrpc"),
    ]
    .map(|(key, name)| format!("{key} = {}\n", folder(name)))
    .concat();
    let share = folder("share");
    let configuration = format!(
        "[global]\ninterfaces = lo\nbind interfaces only = yes\nmap to guest = bad user\nguest account = root\n\
         disable spoolss = yes\nload printers = no\nprintcap name = /dev/null\nlog file = {}/log\n\
         server min protocol = NT1\nclient min protocol = NT1\nrpc start on demand helpers = no\n{paths}{more}\n\
         [share]\npath = {share}\nguest ok = yes\n",
        folder("log"),
    );
    place.file("smb.conf", configuration);
}

/// What the client offers at least and at most, and what the server's answer has to show.
struct Dialect {
    least: &'static str,
    most: &'static str,
    shows: fn(Version) -> bool,
}

const DIALECTS: &[Dialect] = &[
    Dialect { least: "NT1", most: "NT1", shows: |version| version == Version { major: 1, minor: 0 } },
    Dialect { least: "SMB2_02", most: "SMB2_02", shows: |version| version.major == 2 },
    Dialect { least: "SMB2_10", most: "SMB2_10", shows: |version| version == Version { major: 2, minor: 1 } },
    Dialect { least: "SMB3_00", most: "SMB3_00", shows: |version| version == Version { major: 3, minor: 0 } },
    Dialect { least: "SMB3_11", most: "SMB3_11", shows: |version| version.major == 3 },
    // Asked in SMB 1 which of all versions it will be, and answered in SMB 2: SMB 1 is not used.
    Dialect { least: "NT1", most: "SMB3_11", shows: |version| version.major > 1 },
    Dialect { least: "NT1", most: "SMB2_10", shows: |version| version.major > 1 },
];

#[test]
fn smbd() {
    let Some(place) = Place::with(&["smbd", "smbclient"]) else { return };
    let port = place.port(445);
    configure(&place, &format!("smb ports = {port}"));
    let line = "-F --no-process-group -s smb.conf -l log";
    let _server = place.serve("smbd", line, &[("tcp", port)]);
    let watch = Watch::on(&place, "lo", &[port]);
    for Dialect { least, most, .. } in DIALECTS {
        let minimum = format!("--option=client min protocol={least}");
        let maximum = format!("--option=client max protocol={most}");
        let port = port.to_string();
        let words = ["-s", "smb.conf", "-N", "-p", &port, &minimum, &maximum, "//127.0.0.1/share", "-c", "ls"];
        let ran = place.run("smbclient", &words[..], b"").checked();
        assert!(ran.text.contains("blocks available"), "{}", ran.text);
    }
    let flows = watch.end();
    flows.check(Tcp, port, DIALECTS.len(), Protocol::Smb);
    for (Dialect { least, most, shows }, seen) in DIALECTS.iter().zip(flows.to(Tcp, port)) {
        assert!(seen.version.is_some_and(shows), "{least} to {most}: {seen:#?}");
        assert_eq!(seen.asked, Some(Protocol::Smb), "{least} to {most}: {seen:#?}");
    }
}

/// Where Debian keeps it, outside of every path.
const DCERPCD: &str = "/usr/libexec/samba/samba-dcerpcd";

#[test]
fn endpoint_mapper() {
    // The mapper has port 135 and no other.
    let Some(place) = Place::apart(&["rpcclient", DCERPCD]) else { return };
    configure(&place, "");
    let line = "-F --no-process-group --libexec-rpcds -s smb.conf -l log";
    let _server = place.serve(path_of(DCERPCD).unwrap().to_str().unwrap(), line, &[("tcp", 135)]);
    let watch = Watch::on(&place, "lo", &[]);
    // Who asks anonymously is turned away, after everything that is of interest here.
    let ran = place.run("rpcclient", "-s smb.conf -U% ncacn_ip_tcp:127.0.0.1 -c lsaquery", b"");
    assert!(ran.text.contains("NT_STATUS_ACCESS_DENIED"), "{}", ran.text);
    let flows = watch.end();
    flows.check(Tcp, 135, 1, Protocol::Rpc);
    let mapped: Vec<_> = flows.others(&[135]).collect();
    assert_eq!(mapped.len(), 1, "{flows}");
    assert_eq!((mapped[0].protocol, mapped[0].asked), (Some(Protocol::Rpc), Some(Protocol::Rpc)), "{flows}");
    let announced = &flows.to(Tcp, 135)[0].announced;
    assert_eq!(*announced, [mapped[0].responder.port], "{flows}");
    assert!(mapped[0].responder.port >= 49_152, "a dynamic port, in the range of media\n{flows}");
}
