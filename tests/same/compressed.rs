//! In: bytes. Out: the same compressed in every way, also as programs do that work in parallel, and one in another.
//! Must not know: captures.

use super::super::compress::{ALL, bzip2, gzip, lz4, xz, zstd};

/// A way to compress: its name in reports, and the encoder.
pub type Compression = (&'static str, fn(&[u8]) -> Vec<u8>);

/// Further ways.
const FURTHER: [Compression; 6] = [
    ("gzip", |bytes| in_members(bytes, gzip)),
    ("gzip", |bytes| gzip(&zstd(bytes))),
    ("zstd", |bytes| in_members(bytes, zstd)),
    ("lz4", |bytes| in_members(bytes, lz4)),
    ("xz", |bytes| in_members(bytes, xz)),
    ("bzip2", |bytes| in_members(bytes, bzip2)),
];

/// Every way.
pub const COMPRESSIONS: [Compression; 11] = {
    let [a, b, c, d, e] = ALL;
    let [f, g, h, i, j, k] = FURTHER;
    [a, b, c, d, e, f, g, h, i, j, k]
};

/// Three parts, each compressed by itself.
fn in_members(bytes: &[u8], compress: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    bytes.chunks(bytes.len() / 3 + 1).flat_map(compress).collect()
}
