//! Who says what to whom in the lab, one after another, and what is to be told of it.
//!
//! In: nothing. Out: two tables.
//! Must not know: how anything is recognised, decided or run.

/// Something that a host does.
pub struct Step {
    /// Why.
    pub what: &'static str,
    /// Who.
    pub from: &'static str,
    /// Its line; `{names}` are addresses, and `{lab}` is the folder of what all hosts share.
    pub line: &'static str,
    /// What is typed in.
    pub input: &'static str,
    /// What the line has to say, as proof that it was done.
    pub says: &'static str,
    /// The flows that it makes, and no other.
    pub flows: &'static [Flow],
}

/// From, to and port; how many; verdict, proof and best row; what was observed, with its version; outcome.
pub type Flow = (&'static str, usize, &'static str, &'static str, &'static str);

const GET: &str = "GET / HTTP/1.0\r\n\r\n";

/// The scenario.
pub const STEPS: &[Step] = &[
    Step {
        what: "a server signs in with its certificate",
        from: "fe02",
        line: "openssl s_client -connect {fe01}:5061 -servername fe01.contoso.local -tls1_2 -ign_eof \
               -cert {lab}/fe02.pem -key {lab}/fe02.key",
        input: GET,
        says: "200 ok",
        flows: &[("fe02 fe01 tcp/5061", 1, "documented verified S03", "tls 1.2", "established")],
    },
    Step {
        what: "a user signs in, and has no certificate",
        from: "client",
        line: "openssl s_client -connect {fe01}:5061 -servername pool01.contoso.local -tls1_2 -ign_eof",
        input: GET,
        says: "200 ok",
        flows: &[("client fe01 tcp/5061", 1, "documented verified S03", "tls 1.2", "established")],
    },
    Step {
        what: "the same from a program that is too new to be seen through",
        from: "client",
        line: "openssl s_client -connect {fe01}:5061 -servername pool01.contoso.local -tls1_3 -ign_eof",
        input: GET,
        says: "200 ok",
        flows: &[("client fe01 tcp/5061", 1, "documented verified S03", "tls 1.3", "established")],
    },
    Step {
        what: "and from one that is too old",
        from: "client",
        line: "openssl s_client -connect {fe01}:5061 -servername pool01.contoso.local -tls1 -ign_eof \
               -cipher DEFAULT@SECLEVEL=0",
        input: GET,
        says: "200 ok",
        flows: &[("client fe01 tcp/5061", 1, "documented verified S03", "tls 1.0", "established")],
    },
    Step {
        what: "a server that asks no server for its certificate",
        from: "fe01",
        line: "openssl s_client -connect {fe02}:5061 -servername fe02.contoso.local -tls1_2 -ign_eof \
               -cert {lab}/fe01.pem -key {lab}/fe01.key",
        input: GET,
        says: "200 ok",
        flows: &[("fe01 fe02 tcp/5061", 1, "contradicted contradicted S03", "tls 1.2", "established")],
    },
    Step {
        what: "TLS inside the range of media, which is not media",
        from: "fe01",
        line: "openssl s_client -connect {fe02}:50002 -servername fe02.contoso.local -tls1_2 -ign_eof",
        input: GET,
        says: "200 ok",
        flows: &[("fe01 fe02 tcp/50002", 1, "undocumented", "tls 1.2", "established")],
    },
    Step {
        what: "a browser on a desk",
        from: "client",
        line: "openssl s_client -connect {fe01}:443 -servername meet.contoso.local -tls1_2 -ign_eof",
        input: GET,
        says: "200 OK",
        flows: &[("client fe01 tcp/443", 1, "documented verified S12", "tls 1.2", "established")],
    },
    Step {
        what: "one outside, where there should be a reverse proxy",
        from: "outsider",
        line: "openssl s_client -connect {fe01}:443 -servername meet.contoso.local -tls1_2 -ign_eof",
        input: GET,
        says: "200 OK",
        flows: &[("outsider fe01 tcp/443", 1, "documented verified S12", "tls 1.2", "established")],
    },
    Step {
        what: "Focus, between servers",
        from: "fe02",
        line: "openssl s_client -connect {fe01}:444 -tls1_2 -ign_eof -cert {lab}/fe02.pem -key {lab}/fe02.key",
        input: GET,
        says: "200 OK",
        flows: &[("fe02 fe01 tcp/444", 1, "documented verified S04", "tls 1.2", "established")],
    },
    Step {
        what: "the external web site",
        from: "fe02",
        line: "openssl s_client -connect {fe01}:4443 -servername meet.contoso.local -tls1_2 -ign_eof",
        input: GET,
        says: "200 OK",
        flows: &[("fe02 fe01 tcp/4443", 1, "documented verified S14", "tls 1.2", "established")],
    },
    Step {
        what: "a device asks for its certificate chain",
        from: "client",
        line: "busybox wget -O - http://{fe01}:8080/",
        input: "",
        says: "<body>ok",
        flows: &[("client fe01 tcp/8080", 1, "documented verified S13", "http 1.1", "established")],
    },
    Step {
        what: "SSH on a documented port",
        from: "client",
        line: "ssh-keyscan -p 5071 -T 5 -t ed25519 {fe01}",
        input: "",
        says: "ssh-ed25519",
        flows: &[("client fe01 tcp/5071", 1, "contradicted contradicted S33", "ssh 2.0", "established")],
    },
    Step {
        what: "a web server on a port of its own",
        from: "fe02",
        line: "busybox wget -O - http://{fe01}:8888/",
        input: "",
        says: "<body>ok",
        flows: &[("fe02 fe01 tcp/8888", 1, "undocumented", "http 1.1", "established")],
    },
    Step {
        what: "and one inside the range of media",
        from: "client",
        line: "busybox wget -O - http://{fe01}:49300/",
        input: "",
        says: "<body>ok",
        flows: &[("client fe01 tcp/49300", 1, "undocumented", "http 1.1", "established")],
    },
    Step {
        what: "configuration is pulled from the Central Management store",
        from: "fe02",
        line: "smbclient -s {lab}/smb.conf -N -m SMB3 //{fe01}/share -c ls",
        input: "",
        says: "blocks available",
        flows: &[("fe02 fe01 tcp/445", 1, "documented verified S37", "smb 3.1", "established")],
    },
    Step {
        what: "a desk looks into the same share, in the oldest way",
        from: "client",
        line: "smbclient -s {lab}/smb.conf -N -m NT1 //{fe01}/share -c ls",
        input: "",
        says: "blocks available",
        flows: &[("client fe01 tcp/445", 1, "undocumented", "smb 1.0", "established")],
    },
    Step {
        what: "a documented service that is down",
        from: "fe02",
        line: "busybox nc -w 1 {fe01} 5076",
        input: "",
        says: "refused",
        flows: &[("fe02 fe01 tcp/5076", 1, "documented unverified S31", "-", "refused")],
    },
    Step {
        what: "one behind a firewall that says nothing",
        from: "fe02",
        line: "busybox nc -w 1 {fe01} 5072",
        input: "",
        says: "timed out",
        flows: &[("fe02 fe01 tcp/5072", 1, "documented unverified S21", "-", "unanswered")],
    },
    Step {
        what: "and behind one that does",
        from: "fe02",
        line: "busybox nc -w 1 {fe01} 5073",
        input: "",
        says: "timed out",
        flows: &[("fe02 fe01 tcp/5073", 1, "documented unverified S29", "-", "unreachable")],
    },
    Step {
        what: "a call from the telephone network",
        from: "gw01",
        line: "sipp -sf {lab}/call.xml {fe01}:5068 -t t1 -i {gw01} -mi {gw01} -mp 16400 -m 1 -timeout 8s -timeout_error \
               -nostdin",
        input: "",
        says: "Successful call        |        0                  |        1",
        flows: &[
            ("gw01 fe01 tcp/5068", 1, "documented verified S24", "sip 2.0", "established"),
            ("gw01 fe01 udp/49500", 1, "documented verified S39", "rtp", "answered"),
        ],
    },
    Step {
        what: "a call to it: the media are on fe01's own port",
        from: "fe01",
        line: "sipp -sf {lab}/call.xml {gw01}:5081 -t t1 -i {fe01} -mi {fe01} -mp 49700 -m 1 -timeout 8s -timeout_error \
               -nostdin",
        input: "",
        says: "Successful call        |        0                  |        1",
        flows: &[
            ("fe01 gw01 tcp/5081", 1, "documented verified S25", "sip 2.0", "established"),
            ("fe01 gw01 udp/16384", 1, "documented verified S39", "rtp", "answered"),
        ],
    },
    Step {
        what: "two desks talk, past all servers",
        from: "client",
        line: "sipp -sf {lab}/call.xml {colleague}:5060 -t t1 -i {client} -mi {client} -mp 20020 -m 1 -timeout 8s \
               -timeout_error -nostdin",
        input: "",
        says: "Successful call        |        0                  |        1",
        flows: &[
            ("client colleague tcp/5060", 1, "undocumented", "sip 2.0", "established"),
            ("client colleague udp/20000", 1, "documented verified C08", "rtp", "answered"),
        ],
    },
    Step {
        what: "a client asks the Edge which address it has",
        from: "client",
        line: "turnutils_stunclient -p 3478 {edge01}",
        input: "",
        says: "UDP reflexive addr",
        flows: &[("client edge01 udp/3478", 1, "documented verified C05", "stun", "answered")],
    },
    Step {
        what: "and has it relay, over UDP, what nobody can name",
        from: "client",
        line: "turnutils_uclient -c -n 5 -m 1 -u user -w word -e {fe01} -r 49600 -p 3478 {edge01}",
        input: "",
        says: "Total transmit time",
        flows: &[
            ("client edge01 udp/3478", 2, "documented verified C05", "stun", "answered"),
            ("edge01 fe01 udp/49600", 1, "range-only unverified S39", "unknown-binary", "answered"),
        ],
    },
    Step {
        what: "and over TCP",
        from: "client",
        line: "turnutils_uclient -t -c -n 5 -m 1 -u user -w word -e {fe01} -r 49600 -p 443 {edge01}",
        input: "",
        says: "Total transmit time",
        flows: &[
            ("client edge01 tcp/443", 2, "documented verified C04", "stun", "established"),
            ("edge01 fe01 udp/49600", 1, "range-only unverified S39", "unknown-binary", "answered"),
        ],
    },
    Step {
        what: "a name is looked up",
        from: "client",
        line: "busybox nslookup -type=srv _sipinternaltls._tcp.contoso.local {dc01}",
        input: "",
        says: "5061 pool01.contoso.local",
        flows: &[("client dc01 udp/53", 1, "undocumented", "dns", "answered")],
    },
    Step {
        what: "a client looks for its registrar by DHCP",
        from: "client",
        line: "busybox udhcpc -i eth0 -f -n -q -s /bin/true -t 5 -T 1 -V MS-UC-Client -O 43",
        input: "",
        says: "lease of 10.1.0.100 obtained",
        flows: &[
            ("0.0.0.0 255.255.255.255 udp/67", 1, "documented verified C01", "dhcp", "one-way"),
            ("10.1.0.100 dc01 udp/67", 1, "documented verified C01", "dhcp", "one-way"),
        ],
    },
    Step {
        what: "what is no flow",
        from: "client",
        line: "busybox ping -c 1 -W 2 {fe01}",
        input: "",
        says: "1 packets received",
        flows: &[],
    },
];

/// Severity, kind, from, to and port; how many flows: all that an audit finds.
pub const FINDINGS: &[(&str, u64)] = &[
    ("high contradicted-payload desks fe01 tcp/5071", 1),
    ("medium one-way-tls-on-mtls fe01 fe02 tcp/5061", 1),
    ("medium undocumented-flow fe02 fe01 tcp/8888", 1),
    ("medium undocumented-flow desks fe01 tcp/49300", 1),
    ("medium undocumented-flow fe01 fe02 tcp/50002", 1),
    ("medium unknown-listener fe02 fe01 tcp/8888", 1),
    ("medium unknown-listener desks fe01 tcp/49300", 1),
    ("medium unknown-listener fe01 fe02 tcp/50002", 1),
    ("medium blocked-documented-port fe02 fe01 tcp/5072", 1),
    ("medium blocked-documented-port fe02 fe01 tcp/5073", 1),
    ("medium blocked-documented-port fe02 fe01 tcp/5076", 1),
    ("medium external-peer 203.0.113.77 fe01 tcp/443", 1),
    ("medium smb1 desks fe01 tcp/445", 1),
    ("medium undocumented-flow desks desks tcp/5060", 1),
    ("low role-conflict desks desks tcp/5060", 1),
    ("low undocumented-flow desks dc01 udp/53", 1),
    ("low undocumented-flow desks fe01 tcp/445", 1),
    ("low unknown-listener desks dc01 udp/53", 1),
    ("low range-only edge01 fe01 udp/49600", 2),
    ("info weak-tls desks fe01 tcp/5061", 1),
];

/// What is on the wire besides TCP and UDP.
pub const NO_FLOWS: &[&str] = &["arp", "icmp"];
