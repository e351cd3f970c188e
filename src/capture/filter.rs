//! BPF filters on frames, in libpcap's own language.
//!
//! In: an expression. Out: [`Filter`], which says of a frame whether it matches. Without the `live` feature: a refusal.
//! Must not know: flows. A frame that does not match is as if it had not been captured.

use super::Frame;
use crate::error::Error;

#[cfg(feature = "live")]
pub use with_libpcap::Filter;
#[cfg(not(feature = "live"))]
pub use without_libpcap::Filter;

#[cfg(feature = "live")]
mod with_libpcap {
    use std::collections::BTreeMap;

    use super::{Error, Frame};
    use crate::capture::{LinkType, libpcap};

    /// A filter, compiled once for each link type that occurs.
    pub struct Filter {
        expression: String,
        /// No program where the expression makes no sense: nothing matches there.
        programs: BTreeMap<LinkType, Option<pcap::BpfProgram>>,
    }

    impl Filter {
        /// Checks the expression.
        ///
        /// # Errors
        /// What libpcap says of it, on one line, or that there is none.
        pub fn new(expression: &str) -> Result<Self, Error> {
            libpcap::load()?;
            let ethernet = compile(expression, LinkType::ETHERNET)?;
            let programs = BTreeMap::from([(LinkType::ETHERNET, Some(ethernet))]);
            Ok(Self { expression: expression.to_owned(), programs })
        }

        /// Whether the frame matches. The filter sees what was captured of it, so `greater` and `less` go by that.
        pub fn matches(&mut self, frame: &Frame<'_>) -> bool {
            let program = self.programs.entry(frame.link).or_insert_with(|| compile(&self.expression, frame.link).ok());
            program.as_ref().is_some_and(|program| program.filter(frame.bytes))
        }
    }

    fn compile(expression: &str, link: LinkType) -> Result<pcap::BpfProgram, Error> {
        let refuse = |error: pcap::Error| {
            Error::Usage(format!("--filter '{expression}' on {link}: {error}; see pcap-filter(7)"))
        };
        // The one link type whose number in files is not libpcap's own (DLT_RAW).
        let number = if link == LinkType::RAW { 12 } else { link.0 };
        let dead = pcap::Capture::dead(pcap::Linktype(i32::from(number))).map_err(refuse)?;
        dead.compile(expression, true).map_err(refuse)
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::net::Timestamp;

        #[test]
        fn filters_by_link_type() {
            let udp = [&[0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2][..], &[0; 8]].concat();
            let ethernet = [&[0; 12][..], &[8, 0], &udp].concat();
            let mut filter = Filter::new("udp and host 10.0.0.2").unwrap();
            for (link, bytes) in [(LinkType::RAW, &udp), (LinkType::ETHERNET, &ethernet)] {
                let frame = Frame { at: Timestamp(0), link, interface: 0, original_length: bytes.len() as u32, bytes };
                assert!(filter.matches(&frame), "{link}");
                assert!(!Filter::new("tcp").unwrap().matches(&frame), "{link}");
            }
        }

        #[test]
        fn a_bad_expression_is_refused_on_one_line() {
            let error = Filter::new("port lync").err().unwrap().to_string();
            assert!(error.contains("--filter 'port lync'") && !error.contains('\n'), "{error}");
        }
    }
}

#[cfg(not(feature = "live"))]
mod without_libpcap {
    use super::{Error, Frame};

    /// A filter that cannot exist: this build has no libpcap.
    pub enum Filter {}

    impl Filter {
        /// Refuses.
        ///
        /// # Errors
        /// Always.
        pub fn new(_expression: &str) -> Result<Self, Error> {
            let why = "--filter needs libpcap, and this is an offline-only build; rebuild with the `live` feature, or use \
                       --host and --port";
            Err(Error::Usage(why.to_owned()))
        }

        /// Never called.
        pub fn matches(&mut self, _frame: &Frame<'_>) -> bool {
            match *self {}
        }
    }
}
