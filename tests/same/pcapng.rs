//! In: frames. Out: a section of a pcapng file, with the time stamps and packet blocks that few writers choose.
//! Must not know: what the frames carry.

use crate::common::Frame;
use crate::common::savefile::{Order, Pcapng};

/// What a section's interface says of time.
#[derive(Clone, Copy)]
pub struct Clock {
    /// `if_tsresol`: ticks are 10^-n seconds, with the top bit 2^-n.
    pub resolution: u8,
    /// `if_tsoffset`, in seconds: what every time stamp lacks.
    pub offset: u64,
}

impl Clock {
    /// Ticks in a second.
    fn rate(self) -> u128 {
        let power = u32::from(self.resolution & 0x7f);
        if self.resolution & 0x80 == 0 { 10_u128.pow(power) } else { 1 << power }
    }

    fn ticks(self, at: u64) -> u64 {
        let at = u128::from(at - self.offset * 1_000_000_000);
        u64::try_from(at * self.rate() / 1_000_000_000).unwrap()
    }

    /// The time that a reader finds.
    pub fn read(self, at: u64) -> u64 {
        u64::try_from(u128::from(self.ticks(at)) * 1_000_000_000 / self.rate()).unwrap() + self.offset * 1_000_000_000
    }
}

/// How packets stand in a file.
#[derive(Clone, Copy)]
pub enum Block {
    /// Enhanced.
    Enhanced,
    /// The obsolete block, with the count of lost packets that it has.
    Obsolete,
    /// Simple, which has no time, after every enhanced one two.
    Simple,
}

impl Block {
    /// Whether the packet at `index` has no time of its own.
    pub fn is_timeless(self, index: usize) -> bool {
        matches!(self, Self::Simple) && !index.is_multiple_of(3)
    }
}

/// One section of little-endian numbers and one interface.
pub fn section(clock: Clock, block: Block, frames: &[Frame]) -> Vec<u8> {
    let header = Pcapng { order: Order::Little, comment: "", application: "", interfaces: &[] }.write(&[]);
    let options =
        bytes![[9_u8, 0, 1, 0, clock.resolution, 0, 0, 0], [14_u8, 0, 8, 0], clock.offset.to_le_bytes(), [0_u8; 4]];
    let mut file = bytes![header, wrap(1, &bytes![[1_u8, 0, 0, 0, 0, 0, 0, 0], options])];
    for (index, frame) in frames.iter().enumerate() {
        let ticks = clock.ticks(frame.at);
        let time = bytes![((ticks >> 32) as u32).to_le_bytes(), (ticks as u32).to_le_bytes()];
        let lengths = [frame.bytes.len() as u32, frame.original_length].map(u32::to_le_bytes).concat();
        file.extend(match block {
            _ if block.is_timeless(index) => wrap(3, &bytes![frame.original_length.to_le_bytes(), frame.bytes]),
            Block::Obsolete => wrap(2, &bytes![[0_u8; 4], time, lengths, frame.bytes]),
            Block::Enhanced | Block::Simple => wrap(6, &bytes![[0_u8; 4], time, lengths, frame.bytes]),
        });
    }
    file
}

fn wrap(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    let length = ((body.len() + padding.len() + 12) as u32).to_le_bytes();
    bytes![kind.to_le_bytes(), length, body, padding, length]
}
