#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lyncap_fuzz::fuzzed::config::config(bytes));
