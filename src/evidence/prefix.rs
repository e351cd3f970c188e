//! Stub until the merge. In: Out: Must not know:
use super::signature::Prefix;
#[derive(Debug, Default)]
pub(super) struct Assembled {
    bytes: Vec<u8>,
}
impl Assembled {
    pub(super) fn insert(&mut self, _first: Option<u32>, _sequence: u32, payload: &[u8], _length: u32) -> bool {
        self.bytes.extend_from_slice(payload);
        true
    }
    pub(super) fn view(&self) -> Prefix<'_> {
        Prefix { bytes: &self.bytes, from_start: true, ended: false }
    }
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }
}
