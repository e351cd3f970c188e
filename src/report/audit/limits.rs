//! Limits: what follows from a capture's weaknesses, one sentence each.
//!
//! In: [`Fitness`] figures, the run's counters and damage. Out: sentences, the widest limit first.
//! Must not know: flows, or how the figures were gathered.

use super::findings::Withheld;
use super::fitness::{Fitness, OneSided, WrongChecksums, silence};
use crate::capture::LinkType;
use crate::reading::{Bound, Doubt, Evicted, Reading, Stats};
use crate::report::text::{count, harmless, plural};
use crate::verdict::Judge;

/// Of hosts with the same limit so many are named.
const NAMED: usize = 5;

/// Every limit that applies.
pub(super) fn limits(fitness: &Fitness, reading: &Reading, judge: &Judge<'_>) -> Vec<String> {
    let of_all = [nothing(fitness), handshakes(fitness), one_way(fitness)];
    let of_packets = [snaplen(fitness), duplicates(&reading.stats), offload(fitness), undecoded(&reading.stats)];
    let of_time = [clock(fitness), silence(&reading.stats).map(quiet)];
    let of_hosts = [topology(fitness, judge), unseen(fitness)];
    let damage = reading.damage.iter().map(|damage| {
        format!("{} breaks off at {}: what follows was not read", harmless(&damage.file), damage.place())
    });
    let mut limits: Vec<String> = of_all.into_iter().flatten().collect();
    limits.extend(evicted(&reading.stats.evicted));
    limits.extend(one_sided(fitness));
    limits.extend(of_packets.into_iter().flatten());
    limits.extend(checksums(fitness));
    limits.extend(dropped(fitness, reading));
    limits.extend(of_time.into_iter().chain(of_hosts).flatten());
    limits.extend(damage);
    limits
}

/// What was not concluded because of them.
pub(super) fn withheld(withheld: &Withheld) -> impl Iterator<Item = String> {
    withheld.iter().map(|(doubt, &n)| {
        let why = match doubt {
            Doubt::Dropped => "frames were dropped, and it was not asked three times",
            Doubt::Gap => "nothing at all was captured soon after",
            Doubt::End => "the capture ends within a second",
        };
        format!("{} to documented ports without an answer prove nothing: {why}", plural(n, "request"))
    })
}

/// "12 flows of 14 packets were dropped to stay within --max-flows 100: …".
fn evicted(evicted: &Evicted) -> Option<String> {
    if evicted.flows == 0 {
        return None;
    }
    let bounds: Vec<_> = (evicted.within.iter())
        .map(|bound| match bound {
            Bound::Flows(flows) => format!("--max-flows {flows}"),
            Bound::Memory(bytes) => format!("--max-memory {}", memory(*bytes)),
        })
        .collect();
    Some(format!(
        "{} of {} were dropped to stay within {}, one-way flows first: what they were is not judged; raise it, or read \
         less at a time",
        plural(evicted.flows, "flow"),
        plural(evicted.packets, "packet"),
        bounds.join(" and ")
    ))
}

/// As the argument is written: "500M", or bytes.
fn memory(bytes: u64) -> String {
    let units = [(30, "G"), (20, "M"), (10, "K")];
    let exact = units.into_iter().find(|(bits, _)| bytes.is_multiple_of(1 << bits));
    exact.map_or_else(|| bytes.to_string(), |(bits, unit)| format!("{}{unit}", bytes >> bits))
}

fn nothing(fitness: &Fitness) -> Option<String> {
    (fitness.flows == 0).then(|| "no TCP or UDP flow was read: nothing can be concluded".to_owned())
}

fn handshakes(fitness: &Fitness) -> Option<String> {
    let without = fitness.tcp_flows - fitness.tcp_with_handshake;
    (without > 0).then(|| {
        format!(
            "{} of {} TCP flows show neither SYN nor SYN-ACK: who opened them rests on weaker evidence, given as direction_basis",
            count(without),
            count(fitness.tcp_flows)
        )
    })
}

fn one_way(fitness: &Fitness) -> Option<String> {
    (fitness.flows > 0 && fitness.one_way_flows * 2 > fitness.flows).then(|| {
        format!(
            "{} of {} flows show one direction only: whether they were answered, and mutual TLS, cannot be judged",
            count(fitness.one_way_flows),
            count(fitness.flows)
        )
    })
}

fn one_sided(fitness: &Fitness) -> impl Iterator<Item = String> {
    let told = fitness.one_sided.iter().take(NAMED).map(|host| {
        let OneSided { only_sent, only_received, tcp_flows, .. } = host;
        let name = name(host.name.as_deref(), &host.address);
        if only_received > only_sent {
            format!(
                "of {name} only what it receives was captured in {only_received} of {tcp_flows} TCP flows: whether it \
                 answered cannot be judged"
            )
        } else {
            format!(
                "of {name} only what it sends was captured in {only_sent} of {tcp_flows} TCP flows: what it was asked, and \
                 by whom, cannot be judged"
            )
        }
    });
    let more = fitness.one_sided_hosts.saturating_sub(NAMED) as u64;
    told.chain((more > 0).then(|| format!("the same of {} more", plural(more, "host"))))
}

fn snaplen(fitness: &Fitness) -> Option<String> {
    let cut = fitness.snaplen_cut_frames;
    let whose = if cut == 1 { "its" } else { "their" };
    (cut > 0).then(|| format!("{} cut by the snaplen: {whose} payload cannot be proven", plural(cut, "frame")))
}

fn duplicates(stats: &Stats) -> Option<String> {
    let frames = |n: u64| match n {
        1 => "1 frame is a copy of a packet".to_owned(),
        n => format!("{n} frames are copies of packets"),
    };
    let fuller = match stats.fuller_copies {
        0 => String::new(),
        n => format!("; of {n} of them more was captured than of the first, which is not read: read that file alone"),
    };
    (stats.duplicates > 0).then(|| {
        format!(
            "{} captured before (a mirror port, or both ends): each packet counts once, at the time of its \
             first copy, so that round-trip times may mix two places{fuller}",
            frames(stats.duplicates)
        )
    })
}

fn offload(fitness: &Fitness) -> Option<String> {
    let (offloaded, large) = (fitness.offloaded_segments, fitness.large_segments);
    let says = |n: u64, verb: &str| format!("{} {verb}", plural(n, "TCP segment"));
    match (offloaded, large) {
        (0, 0) => None,
        (0, large) => Some(format!(
            "{} more than 1460 bytes: jumbo frames, or captured where a network card splits or joins them; then number \
             and size of packets are not the wire's",
            says(large, if large == 1 { "carries" } else { "carry" })
        )),
        (offloaded, large) => Some(format!(
            "{} larger than any frame: captured where a network card splits or joins them (segmentation offload), so \
             that number and size of packets are not the wire's, nor can copies from elsewhere be told",
            says(offloaded + large, if offloaded + large == 1 { "is" } else { "are" })
        )),
    }
}

fn checksums(fitness: &Fitness) -> Option<String> {
    let told = |host: &WrongChecksums| {
        let name = name(host.name.as_deref(), &host.address);
        let n = plural(host.segments, "SYN segment");
        format!(
            "captured on {name}: its network card fills in checksums (wrong in all {n} it sends, right in others'); \
             wrong checksums of it prove no damage"
        )
    };
    let hosts = &fitness.wrong_checksums;
    let wrong: u64 = hosts.iter().map(|host| host.segments).sum();
    let left: u64 = hosts.iter().map(|host| host.left_to_card).sum();
    match hosts.as_slice() {
        [] => None,
        // Its own card, if its segments alone are wrong, and not only once.
        [host] if fitness.right_checksums > 0 && host.segments > 1 => Some(told(host)),
        [_, ..] if left == wrong => Some(format!(
            "captured where network cards fill in checksums (left to them in {} of {}: {}); wrong checksums of these hosts \
             prove no damage",
            count(left),
            plural(wrong + fitness.right_checksums, "SYN segment"),
            listed(hosts)
        )),
        [_, _, ..] if fitness.right_checksums == 0 => Some(format!(
            "the TCP checksum is wrong in all {} that were checked: addresses or ports were rewritten after the capture, \
             or network cards fill it in; who is who may not be as it was",
            plural(wrong, "SYN segment")
        )),
        _ => Some(format!(
            "the TCP checksum is wrong in {} of {} that were checked ({}): network cards fill it in where the capture was \
             taken, or the line is damaged",
            count(wrong),
            plural(wrong + fitness.right_checksums, "SYN segment"),
            listed(hosts)
        )),
    }
}

/// "fe01 (10.0.0.11), 10.1.0.5 and 3 more".
fn listed(hosts: &[WrongChecksums]) -> String {
    let names = hosts.iter().take(NAMED).map(|host| name(host.name.as_deref(), &host.address));
    let names = names.collect::<Vec<_>>().join(", ");
    match hosts.len().saturating_sub(NAMED) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

fn dropped(fitness: &Fitness, reading: &Reading) -> Option<String> {
    let all = fitness.dropped_frames.filter(|&n| n > 0)?;
    let files = reading.files.iter().filter_map(|file| Some((&file.name, file.dropped.filter(|&n| n > 0)?)));
    let files: Vec<_> = files.map(|(name, n)| format!("{} {n}", harmless(name))).collect();
    let more = files.len().saturating_sub(NAMED);
    let mut names = files.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 {
        names = format!("{names} and {more} more");
    }
    Some(format!(
        "{} dropped while capturing ({names}): what looks lost or unanswered may only be missing here",
        if all == 1 { "1 frame was".to_owned() } else { format!("{all} frames were") }
    ))
}

fn undecoded(stats: &Stats) -> Option<String> {
    let kind = |(link, n): (&LinkType, &u64)| match link.other_than_network() {
        Some(what) => format!("{} of {link} ({what}, not network traffic)", plural(*n, "frame")),
        None => format!("{} of {link}", plural(*n, "frame")),
    };
    let kinds: Vec<_> = stats.undecoded.iter().map(kind).collect();
    (!kinds.is_empty()).then(|| format!("{}: not decoded, no flow was read from them", kinds.join(", ")))
}

fn clock(fitness: &Fitness) -> Option<String> {
    let steps = fitness.clock_steps_back;
    (steps > 0).then(|| {
        format!("the clock steps back {}: durations and idle time-outs are unsure there", plural(steps, "time"))
    })
}

fn quiet(silence: String) -> String {
    format!("nothing was captured for {silence}: what happened then is not judged")
}

fn topology(fitness: &Fitness, judge: &Judge<'_>) -> Option<String> {
    (!judge.topology().declares_hosts() && fitness.flows > 0).then(|| {
        "no topology was given: rows of every role remain candidates, and no host can be held to its role".to_owned()
    })
}

fn unseen(fitness: &Fitness) -> Option<String> {
    let hosts: Vec<_> = fitness.unseen_hosts.iter().map(|name| harmless(name)).collect();
    let more = match hosts.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names = hosts.iter().take(NAMED).map(|name| &**name).collect::<Vec<_>>().join(", ");
    (!hosts.is_empty())
        .then(|| format!("nothing of {names}{more} was captured, though declared: nothing is said of them"))
}

/// "fe01 (10.0.0.11)".
fn name(name: Option<&str>, address: &str) -> String {
    name.map_or_else(|| address.to_owned(), |name| format!("{} ({address})", harmless(name)))
}
