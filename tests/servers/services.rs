//! SIP, TURN, web, name, address and shell services.
//!
//! In: sipp, socat, coturn, nginx, dnsmasq, OpenSSH with their clients. Out: that each is named.
//! Must not know: how any is recognised.

use lyncap::evidence::Protocol;
use lyncap::net::Transport::{Tcp, Udp};
use lyncap::verdict::Basis;

use super::place::Place;
use super::watch::Watch;

#[test]
fn sipp() {
    let Some(place) = Place::with(&["sipp"]) else { return };
    const LOCAL: &str = "-i 127.0.0.1 -ci 127.0.0.1 -mi 127.0.0.1 -nostdin";
    // As `-t` has them: one socket for all calls.
    let transports = [("tcp", Tcp, "t1"), ("udp", Udp, "u1")];
    let ports = [place.port(5060), place.port(5068)];
    let watch = Watch::on(&place, "lo", &ports);
    for ((name, _, mode), port) in transports.into_iter().zip(ports) {
        let _server = place.serve("sipp", &*format!("-sn uas -p {port} -t {mode} {LOCAL}"), &[(name, port)]);
        let call = format!("-sn uac 127.0.0.1:{port} -t {mode} -m 1 -d 50 -timeout 8s -timeout_error {LOCAL}");
        place.run("sipp", &*call, b"").checked();
    }
    let flows = watch.end();
    for ((_, transport, _), port) in transports.into_iter().zip(ports) {
        flows.check(transport, port, 1, Protocol::Sip);
        assert_eq!(flows.to(transport, port)[0].asked, Some(Protocol::Sip));
    }
}

/// SIP inside TLS: sipp's own, where it is built with it, is no other on the wire than socat's around it.
#[test]
fn sipp_over_tls() {
    let Some(place) = Place::with(&["sipp", "socat", "openssl"]) else { return };
    certificate(&place);
    const LOCAL: &str = "-t t1 -i 127.0.0.1 -ci 127.0.0.1 -mi 127.0.0.1 -nostdin";
    let [secure, inner, outer] = [5061, 5070, 5072].map(|port| place.port(port));
    let watch = Watch::on(&place, "lo", &[secure]);
    let _server = place.serve("sipp", &*format!("-sn uas -p {inner} {LOCAL}"), &[("tcp", inner)]);
    let listen = |kind: &str, port: u16| format!("{kind}-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr");
    let unwrap = format!("{},cert=cert.pem,key=cert.key,verify=0 TCP:127.0.0.1:{inner}", listen("OPENSSL", secure));
    let _unwraps = place.serve("socat", &*unwrap, &[("tcp", secure)]);
    let wrap = format!("{} OPENSSL:127.0.0.1:{secure},verify=0", listen("TCP", outer));
    let _wraps = place.serve("socat", &*wrap, &[("tcp", outer)]);
    let call = format!("-sn uac 127.0.0.1:{outer} -m 1 -d 50 -timeout 8s -timeout_error {LOCAL}");
    place.run("sipp", &*call, b"").checked();
    watch.end().check(Tcp, secure, 1, Protocol::Tls);
}

/// A certificate with its key, in `cert.pem` and `cert.key`.
fn certificate(place: &Place) {
    let words = "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=fe01 -keyout cert.key -out cert.pem";
    place.run("openssl", words, b"").checked();
}

#[test]
fn coturn() {
    let Some(place) = Place::with(&["turnserver", "turnutils_uclient", "turnutils_stunclient"]) else { return };
    let port = place.port(3478);
    let options = "-n -z --no-cli --no-tls --no-dtls --no-multicast-peers --allow-loopback-peers --log-file=stdout";
    let local = "--listening-ip=127.0.0.1 --relay-ip=127.0.0.1 --userdb=users --pidfile=turnserver.pid";
    let line = format!("{options} {local} --listening-port={port}");
    let _server = place.serve("turnserver", &*line, &[("tcp", port), ("udp", port)]);
    let watch = Watch::on(&place, "lo", &[port]);
    place.run("turnutils_stunclient", &*format!("-p {port} 127.0.0.1"), b"").checked();
    for transport in ["", "-t"] {
        let line = format!("{transport} -y -c -n 3 -m 1 -u user -w word -p {port} 127.0.0.1");
        place.run("turnutils_uclient", &*line, b"").checked();
    }
    let flows = watch.end();
    for transport in [Udp, Tcp] {
        // A connection without a word has nothing to be recognised by; uclient makes none.
        for seen in flows.to(transport, port) {
            assert_eq!(seen.protocol, Some(Protocol::Stun), "{seen:#?}\n{flows}");
        }
    }
    // What the relay's two ends say to each other is uclient's own.
    for seen in flows.others(&[port]) {
        assert!(seen.protocol.is_none_or(|protocol| !protocol.is_identified()), "{seen:#?}");
    }
}

#[test]
fn nginx() {
    let Some(place) = Place::with(&["nginx", "openssl", "busybox"]) else { return };
    certificate(&place);
    let [web, winrm, secure] = [80, 5985, 443].map(|port| place.port(port));
    let folder = place.path("");
    let folder = folder.to_str().unwrap();
    std::fs::create_dir(place.path("www")).unwrap();
    place.file("www/index.html", "<html><body>ok</body></html>\n");
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path {folder}{what};\n"))
        .concat();
    let configuration = format!(
        "daemon off; master_process off; user root; pid {folder}pid; error_log stderr; events {{}}\n\
         http {{ access_log off; root {folder}www; {temporary}\n\
         server {{ listen 127.0.0.1:{web}; listen 127.0.0.1:{winrm}; }}\n\
         server {{ listen 127.0.0.1:{secure} ssl http2;\n\
         ssl_certificate {folder}cert.pem; ssl_certificate_key {folder}cert.key; }} }}\n"
    );
    place.file("nginx.conf", configuration);
    let ports = [web, winrm, secure];
    let line = format!("-p {folder} -e stderr -c {folder}nginx.conf");
    let _server = place.serve("nginx", &*line, &ports.map(|port| ("tcp", port)));
    let watch = Watch::on(&place, "lo", &ports);
    place.run("busybox", &*format!("wget -q -O - http://127.0.0.1:{web}/"), b"").checked();
    // Nothing is there, and what was asked for is WinRM all the same.
    let soap = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"/>";
    let header = "Content-Type: application/soap+xml;charset=UTF-8";
    let address = format!("http://127.0.0.1:{winrm}/wsman");
    let words = ["wget", "-q", "-O", "-", "--header", header, "--post-data", soap, &address];
    let ran = place.run("busybox", &words[..], b"");
    assert!(ran.text.contains("404"), "{}", ran.text);
    let line = format!("s_client -connect 127.0.0.1:{secure} -tls1_2 -alpn h2 -servername fe01");
    place.run("openssl", &*line, b"Q\n").checked();
    let flows = watch.end();
    flows.check(Tcp, web, 1, Protocol::Http);
    let seen = flows.to(Tcp, web)[0];
    assert_eq!((seen.asked, seen.basis), (Some(Protocol::Http), Basis::Handshake));
    assert_eq!(seen.version.map(|version| version.to_string()).as_deref(), Some("1.1"), "{seen:?}");
    let seen = flows.to(Tcp, winrm)[0];
    assert_eq!(seen.asked, Some(Protocol::WinRm), "{seen:?}");
    assert!([Protocol::Http, Protocol::WinRm].map(Some).contains(&seen.protocol), "{seen:?}");
    flows.check(Tcp, secure, 1, Protocol::Tls);
    let tls = flows.to(Tcp, secure)[0].tls.as_ref().unwrap();
    assert_eq!((tls.version, tls.alpn.as_deref()), (Some(0x0303), Some("h2")), "{tls:?}");
}

#[test]
fn dnsmasq_names() {
    let Some(place) = Place::with(&["dnsmasq", "busybox"]) else { return };
    let port = place.port(53);
    let names = "--address=/pool01.contoso.local/10.0.0.100 \
                 --srv-host=_sipinternaltls._tcp.contoso.local,pool01.contoso.local,5061";
    let options = "--no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --user=root --group=root";
    let line = format!("{options} --bind-interfaces --listen-address=127.0.0.1 --port={port} {names}");
    let _server = place.serve("dnsmasq", &*line, &[("tcp", port), ("udp", port)]);
    let watch = Watch::on(&place, "lo", &[port]);
    let line = format!("nslookup -type=srv _sipinternaltls._tcp.contoso.local 127.0.0.1:{port}");
    let ran = place.run("busybox", &*line, b"").checked();
    assert!(ran.text.contains("5061 pool01.contoso.local"), "{}", ran.text);
    // busybox has no client for TCP: one question, made by hand; the answer is dnsmasq's.
    let question = b"\0\x26\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x06pool01\x07contoso\x05local\0\0\x01\0\x01";
    let ran = place.run("busybox", &*format!("nc -w 2 127.0.0.1 {port}"), question).checked();
    assert!(ran.text.ends_with("\x04\n\0\0d"), "{:?}", ran.text);
    let flows = watch.end();
    flows.check(Udp, port, 1, Protocol::Dns);
    flows.check(Tcp, port, 1, Protocol::Dns);
    for transport in [Udp, Tcp] {
        assert_eq!(flows.to(transport, port)[0].asked, Some(Protocol::Dns));
    }
}

#[test]
fn dnsmasq_addresses() {
    let Some(place) = Place::apart(&["dnsmasq", "busybox"]) else { return };
    let desk = place.neighbour("served", "asking");
    place.run("ip", "addr add 10.77.0.1/24 dev served", b"").checked();
    let options = "--no-daemon --conf-file=/dev/null --port=0 --pid-file= --user=root --group=root --no-ping";
    let range = "--dhcp-range=10.77.0.50,10.77.0.60,1h --dhcp-authoritative --dhcp-leasefile=leases";
    let line = format!("{options} --interface=served --except-interface=lo --bind-interfaces {range}");
    let _server = place.serve("dnsmasq", &*line, &[("udp", 67)]);
    for (class, lync) in [("-V MS-UC-Client", true), ("-V CPE-OCPHONE", true), ("", false)] {
        let watch = Watch::on(&place, "served", &[]);
        let ran = desk.run("busybox", &*format!("udhcpc -i asking -f -n -q -s /bin/true -t 5 -T 1 {class}"), b"");
        assert!(ran.well && ran.text.contains("lease of 10.77.0."), "{}", ran.text);
        let flows = watch.end();
        for seen in flows.to(Udp, 67) {
            assert_eq!(seen.protocol, Some(Protocol::Dhcp), "{class}\n{flows}");
        }
        // The client names its class; dnsmasq does not repeat it.
        let asked: Vec<_> = flows.to(Udp, 67).iter().map(|seen| seen.lync).collect();
        assert!(asked.contains(&Some(lync)), "{class}: {asked:?}\n{flows}");
        assert!(lync || !asked.contains(&Some(true)), "{class}: {asked:?}\n{flows}");
    }
}

#[test]
fn sshd() {
    // sshd wants a folder of its own in /run, which it gets only where that is not the machine's.
    let Some(place) = Place::apart(&["sshd", "ssh-keygen", "ssh-keyscan"]) else { return };
    place.run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", "key"][..], b"").checked();
    const START: &str = "mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec \"$0\" \"$@\"";
    let sshd = super::place::path_of("sshd").unwrap();
    let key = place.path("key");
    let mut command = place.server_command("sh");
    command.args(["-c", START]).arg(sshd).args(["-D", "-e", "-f", "/dev/null", "-p", "22", "-h"]).arg(key);
    command.args(["-o", "ListenAddress=127.0.0.1", "-o", "PidFile=none", "-o", "UsePAM=no"]);
    let _server = place.serve_command(command, &[("tcp", 22)]);
    let watch = Watch::on(&place, "lo", &[22]);
    let ran = place.run("ssh-keyscan", "-p 22 -T 5 -t ed25519 127.0.0.1", b"").checked();
    assert!(ran.text.contains("ssh-ed25519"), "{}", ran.text);
    let flows = watch.end();
    flows.check(Tcp, 22, 1, Protocol::Ssh);
    assert_eq!(flows.to(Tcp, 22)[0].asked, Some(Protocol::Ssh));
}
