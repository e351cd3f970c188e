//! What listens in the lab.
//!
//! In: the network. Out: running servers, as Debian packages them.
//! Must not know: who asks them.

use super::network::Network;
use super::place::path_of;
use super::place::process::Process;

/// What has to be installed.
pub const PROGRAMS: [&str; 13] = [
    "openssl",
    "nginx",
    "sipp",
    "turnserver",
    "turnutils_uclient",
    "turnutils_peer",
    "smbd",
    "smbclient",
    "dnsmasq",
    "sshd",
    "ssh-keyscan",
    "busybox",
    "taskset",
];

/// A server: on which host, its line, and where it listens.
type Server = (&'static str, &'static str, &'static [(&'static str, u16)]);

const SERVERS: &[Server] = &[
    // A Front End asks everyone for a certificate; who is no server declines.
    (
        "fe01",
        "openssl s_server -accept {fe01}:5061 -cert {lab}/fe01.pem -key {lab}/fe01.key -verify 1 -CAfile {lab}/fe02.pem \
         -cipher DEFAULT@SECLEVEL=0 -www",
        &[("tcp", 5061)],
    ),
    // This one is set up wrongly: it asks nobody.
    ("fe02", "openssl s_server -accept {fe02}:5061 -cert {lab}/fe02.pem -key {lab}/fe02.key -www", &[("tcp", 5061)]),
    // The agent of the centralized logging service.
    ("fe02", "openssl s_server -accept {fe02}:50002 -cert {lab}/fe02.pem -key {lab}/fe02.key -www", &[("tcp", 50002)]),
    (
        "fe01",
        "nginx -p {lab} -e stderr -c {lab}/nginx.conf",
        &[("tcp", 443), ("tcp", 444), ("tcp", 4443), ("tcp", 8080)],
    ),
    ("fe01", "smbd -F --no-process-group -s {lab}/smb.conf -l {lab}", &[("tcp", 445)]),
    ("fe01", "busybox httpd -f -p {fe01}:8888 -h {lab}/www", &[("tcp", 8888)]),
    ("fe01", "busybox httpd -f -p {fe01}:49300 -h {lab}/www", &[("tcp", 49300)]),
    (
        "fe01",
        "sipp -sn uas -p 5068 -t t1 -i {fe01} -mi {fe01} -mp 49500 -rtp_echo -nostdin",
        &[("tcp", 5068), ("udp", 49500)],
    ),
    ("fe01", "turnutils_peer -L {fe01} -p 49600", &[("udp", 49600)]),
    (
        "gw01",
        "sipp -sn uas -p 5081 -t t1 -i {gw01} -mi {gw01} -mp 16384 -rtp_echo -nostdin",
        &[("tcp", 5081), ("udp", 16384)],
    ),
    (
        "colleague",
        "sipp -sn uas -p 5060 -t t1 -i {colleague} -mi {colleague} -mp 20000 -rtp_echo -nostdin",
        &[("tcp", 5060), ("udp", 20000)],
    ),
    (
        "edge01",
        "turnserver -n -z --no-cli --no-tls --no-dtls --no-multicast-peers --log-file=stdout --listening-ip={edge01} \
         --relay-ip={edge01} --listening-port=3478 --aux-server={edge01}:443 --min-port=50000 --max-port=59999 \
         --userdb={lab}/users --pidfile={lab}/turnserver.pid",
        &[("udp", 3478), ("tcp", 443)],
    ),
    (
        "dc01",
        "dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --user=root --group=root \
         --interface=eth0 --srv-host=_sipinternaltls._tcp.contoso.local,pool01.contoso.local,5061 \
         --no-ping --dhcp-range=10.1.0.100,10.1.0.100,1h --dhcp-authoritative --dhcp-leasefile={lab}/leases \
         --dhcp-option=vendor:MS-UC-Client,1,MS-UC-Client",
        &[("udp", 53), ("udp", 67)],
    ),
];

/// sshd wants a folder of its own in /run, which it gets only where that is not the machine's.
const SSHD: &str = "mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec \"$0\" -D -e -f /dev/null -p 5071 \
                    -h \"$1/ssh.key\" -o ListenAddress=\"$2\" -o PidFile=none -o UsePAM=no";

/// What fe01 does not let in: one port silently, another with a word about it. Local addresses are looked up after that.
const FIREWALL: &str = "ip rule add pref 100 lookup local && ip rule del pref 0 &&
    ip rule add pref 10 iif eth0 ipproto tcp dport 5072 blackhole &&
    ip rule add pref 11 iif eth0 ipproto tcp dport 5073 prohibit &&
    echo 1 >/proc/sys/net/ipv4/ip_forward";

/// Starts them all.
pub fn start(network: &Network) -> Vec<Process> {
    papers(network);
    network.host("fe01").run("sh", &["-c", FIREWALL][..], b"").checked();
    let mut running: Vec<_> = SERVERS.iter().map(|(host, line, ports)| network.serve(host, line, ports)).collect();
    let mut sshd = network.host("fe01").server_command("sh");
    sshd.args(["-c", SSHD]).arg(path_of("sshd").unwrap()).arg(network.switch.path("")).arg(network.line("{fe01}"));
    running.push(network.host("fe01").serve_command(sshd, &[("tcp", 5071)]));
    running
}

/// Certificates, keys, configurations, pages, and a voice.
fn papers(network: &Network) {
    for name in ["fe01", "fe02"] {
        let line = format!(
            "openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN={name}.contoso.local \
             -addext subjectAltName=DNS:{name}.contoso.local,DNS:pool01.contoso.local \
             -keyout {{lab}}/{name}.key -out {{lab}}/{name}.pem"
        );
        network.run("fe01", &line, "").checked();
    }
    network
        .host("fe01")
        .run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &network.line("{lab}/ssh.key")][..], b"")
        .checked();
    std::fs::create_dir(network.switch.path("www")).unwrap();
    network.share("www/index.html", "<html><body>ok</body></html>\n");
    network.share("nginx.conf", &nginx());
    network.share("smb.conf", SMB);
    // sipp looks where it is started.
    for host in ["fe01", "gw01", "client"] {
        network.host(host).file("voice", [0xd5; 8000]);
    }
    network.share("call.xml", include_str!("call.xml"));
}

/// Sites as a Front End has them: two for clients, one for servers only, and one without TLS.
fn nginx() -> String {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = temporary.map(|what| format!("{what}_temp_path {{lab}}/{what};\n")).concat();
    format!(
        "daemon off; master_process off; user root; pid {{lab}}/nginx.pid; error_log stderr; events {{}}\n\
         http {{ access_log off; root {{lab}}/www; {temporary}\n\
         ssl_certificate {{lab}}/fe01.pem; ssl_certificate_key {{lab}}/fe01.key;\n\
         server {{ listen {{fe01}}:8080; }}\n\
         server {{ listen {{fe01}}:443 ssl; listen {{fe01}}:4443 ssl; }}\n\
         server {{ listen {{fe01}}:444 ssl; ssl_client_certificate {{lab}}/fe02.pem; ssl_verify_client on; }} }}\n"
    )
}

const SMB: &str = "[global]\ninterfaces = {fe01}/8\nbind interfaces only = yes\nsmb ports = 445\nmap to guest = bad user\n\
    guest account = root\ndisable spoolss = yes\nload printers = no\nprintcap name = /dev/null\nlog file = {lab}/smb.log\n\
    server min protocol = NT1\nclient min protocol = NT1\nrpc start on demand helpers = no\nprivate dir = {lab}\n\
    lock directory = {lab}\nstate directory = {lab}\ncache directory = {lab}\npid directory = {lab}\n\
    ncalrpc dir = {lab}/ncalrpc\n[share]\npath = {lab}/www\nguest ok = yes\n";
