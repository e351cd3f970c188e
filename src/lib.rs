//! lyncap (crate docs to come)
pub mod capture;
pub mod catalog;
pub mod cli;
pub mod decode;
pub mod error;
pub mod evidence;
pub mod flow;
pub mod net;
pub mod pipeline;
pub mod reading;
pub mod report;

pub mod topology;
pub mod verdict;
