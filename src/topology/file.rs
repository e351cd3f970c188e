//! The user's topology file: hosts, networks, roles, media ranges, accepted flows.
//!
//! In: TOML text (spec §4). Out: a checked [`Topology`], or an error that names file, line and the fix.
//! Must not know: flows.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::str::FromStr;

use ipnet::IpNet;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::{Accept, Host, Network, Party, Topology};
use crate::catalog::{LoadBalancing, Media, MediaRange, PortRange, Role, RoleSet, Site, position, toml_error};
use crate::error::Error;
use crate::net::{Address, Transport};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    deployment: RawDeployment,
    #[serde(default)]
    host: Vec<RawHost>,
    #[serde(default)]
    network: Vec<RawHost>,
    #[serde(default)]
    media: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    accept: Vec<RawAccept>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDeployment {
    load_balancing: Option<LoadBalancing>,
    #[serde(default)]
    internal: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHost {
    name: Spanned<String>,
    addresses: Vec<Spanned<String>>,
    #[serde(default)]
    roles: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAccept {
    from: Spanned<String>,
    to: Spanned<String>,
    port: Spanned<String>,
    reason: Spanned<String>,
    until: Option<Spanned<Datetime>>,
}

/// Keys of `[media]`: the medium, and whether they speak of clients.
const MEDIA_KEYS: &[(&str, Media, bool)] = &[
    ("audio", Media::Audio, false),
    ("video", Media::Video, false),
    ("application_sharing", Media::ApplicationSharing, false),
    ("client_audio", Media::Audio, true),
    ("client_video", Media::Video, true),
    ("client_application_sharing", Media::ApplicationSharing, true),
    ("client_file_transfer", Media::FileTransfer, true),
];

/// Parses a topology; `origin` is what errors call the file.
pub(super) fn parse(origin: &str, text: &str) -> Result<Topology, Error> {
    let raw: RawFile = toml::from_str(text).map_err(|error| unread(origin, text, &error))?;
    let reader = Reader { origin, text };
    let mut topology = Topology::default();
    topology.site.load_balancing = raw.deployment.load_balancing;
    topology.internal = raw.deployment.internal.iter().map(|net| reader.net(net)).collect::<Result<_, _>>()?;
    topology.inside = topology.internal.iter().copied().collect();
    for host in &raw.host {
        reader.host(&mut topology, host)?;
    }
    for network in &raw.network {
        reader.network(&mut topology, network)?;
    }
    topology.site = reader.media(topology.site, &raw.media)?;
    for accept in &raw.accept {
        let accept = reader.accept(&topology, accept)?;
        topology.accepts.push(accept);
    }
    Ok(topology)
}

/// Why a topology cannot be read; of what is not even TOML, also what it should be.
fn unread(origin: &str, text: &str, error: &toml::de::Error) -> Error {
    match toml_error(origin, text, error) {
        Error::Config { origin, why } if text.parse::<toml::Table>().is_err() => {
            let fix = "a topology is TOML; README.md shows one under \"Tell it who the hosts are\"";
            Error::Config { origin, why: format!("{why}; {fix}") }
        }
        error => error,
    }
}

struct Reader<'a> {
    origin: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn error(&self, span: Range<usize>, why: impl Into<String>) -> Error {
        Error::Config { origin: position(self.origin, self.text, span), why: why.into() }
    }

    fn parse<T: FromStr<Err = String>>(&self, value: &Spanned<String>) -> Result<T, Error> {
        value.get_ref().parse().map_err(|why: String| self.error(value.span(), why))
    }

    fn net(&self, value: &Spanned<String>) -> Result<IpNet, Error> {
        parse_net(value.get_ref()).map_err(|why| self.error(value.span(), why))
    }

    fn roles(&self, values: &[Spanned<String>]) -> Result<RoleSet, Error> {
        values.iter().map(|role| self.parse::<Role>(role)).collect()
    }

    fn unique_name(&self, topology: &Topology, name: &Spanned<String>) -> Result<String, Error> {
        let text = name.get_ref();
        if topology.by_name.contains_key(text) {
            return Err(
                self.error(name.span(), format!("name `{text}` stands twice; give each host and network its own"))
            );
        }
        if text.parse::<Role>().is_ok() {
            return Err(self.error(name.span(), format!("`{text}` is the name of a role; choose another name")));
        }
        Ok(text.clone())
    }

    fn host(&self, topology: &mut Topology, raw: &RawHost) -> Result<(), Error> {
        let name = self.unique_name(topology, &raw.name)?;
        if raw.addresses.is_empty() {
            return Err(self.error(raw.name.span(), format!("host `{name}` has no addresses; list them")));
        }
        let index = topology.hosts.len();
        for text in &raw.addresses {
            let ip: IpAddr = text.get_ref().parse().map_err(|_| {
                let fix = "write one such as 10.0.0.11, or use [[network]] for a range";
                self.error(text.span(), format!("`{}` is not an address; {fix}", text.get_ref()))
            })?;
            if let Some(other) = topology.by_address.insert(Address::from(ip), index) {
                let other = topology.hosts.get(other).map_or(&*name, |host| &*host.name);
                return Err(self.error(
                    text.span(),
                    format!("address {ip} already belongs to host `{other}`; remove one of the two"),
                ));
            }
        }
        let roles = self.roles(&raw.roles)?;
        topology.by_name.insert(name.clone(), Party::Host(index));
        topology.hosts.push(Host { name, named: true, roles });
        Ok(())
    }

    fn network(&self, topology: &mut Topology, raw: &RawHost) -> Result<(), Error> {
        let name = self.unique_name(topology, &raw.name)?;
        let roles = self.roles(&raw.roles)?;
        let index = topology.networks.len();
        let mut nets: Vec<IpNet> = Vec::new();
        for text in &raw.addresses {
            let net = self.net(text)?;
            if let Err((other, &owner)) = topology.by_net.add(net, index) {
                let owner = topology.networks.get(owner).map_or(&name, |network| &network.name);
                let why = format!("{net} overlaps {other} of network `{owner}`; make them disjoint");
                return Err(self.error(text.span(), why));
            }
            nets.push(net);
        }
        if nets.is_empty() {
            return Err(self.error(raw.name.span(), format!("network `{name}` has no addresses; list its CIDRs")));
        }
        topology.by_name.insert(name.clone(), Party::Network(index));
        topology.networks.push(Network { name, nets, roles });
        Ok(())
    }

    fn media(&self, mut site: Site, raw: &BTreeMap<Spanned<String>, Spanned<String>>) -> Result<Site, Error> {
        for (key, value) in raw {
            let Some(&(_, media, client)) = MEDIA_KEYS.iter().find(|&&(name, ..)| name == key.get_ref()) else {
                let keys: Vec<_> = MEDIA_KEYS.iter().map(|&(name, ..)| name).collect();
                let why = format!("unknown key `{}` in [media]; the keys are {}", key.get_ref(), keys.join(", "));
                return Err(self.error(key.span(), why));
            };
            let range = self.parse::<PortRange>(value)?;
            site.media.push(MediaRange { media, client, range });
        }
        Ok(site)
    }

    fn accept(&self, topology: &Topology, raw: &RawAccept) -> Result<Accept, Error> {
        let party = |value: &Spanned<String>| {
            parse_party(topology, value.get_ref()).map_err(|why| self.error(value.span(), why))
        };
        let bad_port = || {
            let why = format!("bad port `{}`; write transport and port, such as \"tcp/9389\"", raw.port.get_ref());
            self.error(raw.port.span(), why)
        };
        // As the command line takes it: either may come first.
        let (transport, port) = match raw.port.get_ref().split_once('/').ok_or_else(bad_port)? {
            (port, transport) if transport.parse::<Transport>().is_ok() => (transport, port),
            in_order => in_order,
        };
        let transport = transport.parse::<Transport>().map_err(|()| bad_port())?;
        let ports = port.parse().map_err(|_| bad_port())?;
        if raw.reason.get_ref().trim().is_empty() {
            return Err(self.error(raw.reason.span(), "an accepted flow needs a reason; say who accepted it and why"));
        }
        let until = match &raw.until {
            None => None,
            Some(until) => {
                let date = until.get_ref().date.filter(|_| until.get_ref().time.is_none());
                let Some(date) = date else {
                    return Err(self.error(until.span(), "write `until` as a date, such as 2027-01-01"));
                };
                let civil = jiff::civil::Date::new(date.year as i16, date.month as i8, date.day as i8);
                Some(civil.map_err(|error| self.error(until.span(), error.to_string()))?)
            }
        };
        let (from, to) = (party(&raw.from)?, party(&raw.to)?);
        Ok(Accept { from, to, transport, ports, reason: raw.reason.get_ref().clone(), until })
    }
}

/// An address or a CIDR.
pub(super) fn parse_net(text: &str) -> Result<IpNet, String> {
    let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let net = net.map_err(|_| format!("`{text}` is neither an address nor a CIDR; write 10.0.0.0/8"))?;
    if net.trunc() != net {
        return Err(format!("`{text}` has bits set beyond its prefix; write {}", net.trunc()));
    }
    Ok(net)
}

fn parse_party(topology: &Topology, text: &str) -> Result<Party, String> {
    if let Some(party) = topology.by_name.get(text) {
        return Ok(party.clone());
    }
    if let Ok(role) = text.parse::<Role>() {
        return Ok(Party::Role(role));
    }
    parse_net(text)
        .map(Party::Net)
        .map_err(|_| format!("`{text}` is no host, network or role of this file and no address; name one of them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[deployment]
load_balancing = "hardware"
internal = ["10.0.0.0/8", "fd00::/8"]

[[host]]
name = "fe01"
addresses = ["10.0.0.11", "fd00::11"]
roles = ["front-end", "mediation"]

[[network]]
name = "desks"
addresses = ["10.1.0.0/16"]
roles = ["client"]

[media]
audio = "49152-57500"
client_video = "58000-58019"

[[accept]]
from = "fe01"
to = "10.0.9.9"
port = "tcp/9389"
reason = "AD web services, CHG-1234"
until = 2027-01-01
"#;

    #[test]
    fn the_specified_file_parses() {
        let topology = parse("t.toml", GOOD).unwrap();
        assert_eq!(topology.site.load_balancing, Some(LoadBalancing::Hardware));
        assert_eq!(topology.site.media.len(), 2);
        assert_eq!(topology.accepts[0].from, Party::Host(0));
        assert_eq!(topology.accepts[0].until, Some(jiff::civil::date(2027, 1, 1)));
    }

    #[test]
    fn an_accepted_port_may_be_named_either_way_round() {
        for port in ["tcp/9389", "9389/tcp", "9000-9400/tcp"] {
            let accepts = parse("t.toml", &GOOD.replacen("tcp/9389", port, 1)).unwrap().accepts;
            assert!(accepts[0].transport == Transport::Tcp && accepts[0].ports.contains(9389), "{port}");
        }
    }

    /// Changes the good file once; the error stands on `line` and holds `expected`.
    fn check(from: &str, to: &str, line: usize, expected: &str) {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD);
        let error = parse("t.toml", &text).unwrap_err().to_string();
        assert!(error.starts_with(&format!("t.toml:{line}: ")), "{error}");
        assert!(error.contains(expected) && !error.contains('\n'), "{error}");
    }

    #[test]
    fn errors_name_file_line_and_fix() {
        check("load_balancing", "loadbalancing", 3, "unknown field `loadbalancing`");
        check("\"hardware\"", "\"f5\"", 3, "unknown variant `f5`");
        check("\"fd00::/8\"", "\"fd00::1/8\"", 4, "write fd00::/8");
        check("\"fd00::11\"", "\"fd00::/64\"", 8, "use [[network]] for a range");
        check("\"fd00::11\"", "\"10.0.0.11\"", 8, "already belongs to host `fe01`");
        check("\"mediation\"", "\"medation\"", 9, "unknown role `medation`; the roles are");
        check("\"desks\"", "\"fe01\"", 12, "stands twice");
        check("\"desks\"", "\"client\"", 12, "name of a role");
        check("[\"10.1.0.0/16\"]", "[\"10.1.0.0/16\", \"10.1.2.0/24\"]", 13, "overlaps 10.1.0.0/16 of network `desks`");
        check("[\"10.1.0.0/16\"]", "[]", 12, "has no addresses");
        check("audio =", "sound =", 17, "the keys are audio, video");
        check("\"49152-57500\"", "\"57500-49152\"", 17, "write `49152-57500`");
        check("from = \"fe01\"", "from = \"fe02\"", 21, "no host, network or role");
        check("\"tcp/9389\"", "\"9389\"", 23, "such as \"tcp/9389\"");
        check("\"tcp/9389\"", "\"tcp/udp\"", 23, "such as \"tcp/9389\"");
        check("[\"10.1.0.0/16\"]", "\"10.1.0.0/16\"", 13, "stands where a list is expected; write [\"10.1.0.0/16\"]");
        check("[media]", "dear colleague", 16, "a topology is TOML; README.md shows one");
        check("\"AD web services, CHG-1234\"", "\"\"", 24, "needs a reason");
        check("2027-01-01", "2027-01-01T00:00:00Z", 25, "write `until` as a date");
    }
}
