//! In: bytes. Out: the same compressed, by the encoders of the crates whose decoders lyncap uses.
//! Must not know: captures.

use std::io::Write;

use bzip2::write::BzEncoder;
use flate2::write::GzEncoder;
use lz4_flex::frame::FrameEncoder;
use lzma_rust2::{XzOptions, XzWriter};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// A way to compress: its name in reports, and the encoder.
pub type Compression = (&'static str, fn(&[u8]) -> Vec<u8>);

/// Every compression; of some also what programs make of it that work in parallel, and one in another.
pub const COMPRESSIONS: &[Compression] = &[
    ("gzip", gzip),
    ("gzip", |bytes| in_members(bytes, gzip)),
    ("gzip", |bytes| gzip(&zstd(bytes))),
    ("zstd", zstd),
    ("zstd", |bytes| in_members(bytes, zstd)),
    ("lz4", lz4),
    ("lz4", |bytes| in_members(bytes, lz4)),
    ("xz", xz),
    ("xz", |bytes| in_members(bytes, xz)),
    ("bzip2", bzip2),
    ("bzip2", |bytes| in_members(bytes, bzip2)),
];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = XzWriter::new(Vec::new(), XzOptions::with_preset(0)).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Three parts, each compressed by itself.
fn in_members(bytes: &[u8], compress: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    bytes.chunks(bytes.len() / 3 + 1).flat_map(compress).collect()
}
