//! All flows of a run, in chunks that never move.
//!
//! In: flows as they begin. Out: flows by index, in the order in which they began.
//! Must not know: keys, time. A growing `Vec` would copy every flow and hold them twice while it does.

use std::ops::Index;

use super::Flow;

const CHUNK_BITS: u32 = 10;
const CHUNK: usize = 1 << CHUNK_BITS;

/// Flows by index, in the order of their first packets.
#[derive(Clone, Debug)]
pub struct Flows<S> {
    chunks: Vec<Vec<Flow<S>>>,
    len: usize,
}

impl<S> Default for Flows<S> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<S> Flows<S> {
    /// Number of flows.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The flow at `index`.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Flow<S>> {
        self.chunks.get(index >> CHUNK_BITS)?.get(index & (CHUNK - 1))
    }

    /// Every flow, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Flow<S>> {
        self.chunks.iter().flatten()
    }

    /// Every flow, in order, to change its state.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Flow<S>> {
        self.chunks.iter_mut().flatten()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Flow<S>> {
        self.chunks.get_mut(index >> CHUNK_BITS)?.get_mut(index & (CHUNK - 1))
    }

    /// Adds a flow and returns its index.
    pub(super) fn push(&mut self, flow: Flow<S>) -> usize {
        let index = self.len;
        self.len += 1;
        match self.chunks.last_mut().filter(|chunk| chunk.len() < CHUNK) {
            Some(chunk) => chunk.push(flow),
            None => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(flow);
                self.chunks.push(chunk);
            }
        }
        index
    }

    /// Keeps, in their order, the flows that `keep` says yes to by their index, and hands over the others. Chunk by
    /// chunk: at no time is more than one chunk held twice.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(usize) -> bool, mut gone: impl FnMut(Flow<S>)) {
        let old = std::mem::take(self);
        for (index, flow) in old.chunks.into_iter().flatten().enumerate() {
            match keep(index) {
                true => {
                    self.push(flow);
                }
                false => gone(flow),
            }
        }
    }
}

impl<S> FromIterator<Flow<S>> for Flows<S> {
    fn from_iter<I: IntoIterator<Item = Flow<S>>>(flows: I) -> Self {
        let mut all = Self::default();
        for flow in flows {
            all.push(flow);
        }
        all
    }
}

impl<S> Index<usize> for Flows<S> {
    type Output = Flow<S>;

    #[expect(clippy::expect_used, reason = "the contract of indexing")]
    fn index(&self, index: usize) -> &Flow<S> {
        self.get(index).expect("an index below the number of flows")
    }
}
