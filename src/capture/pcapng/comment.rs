//! The comments of a frame, found in its block around it.
//!
//! In: a frame of a pcapng and the buffer that it is in. Out: what its writer noted beside it.
//! Must not know: what a comment says.
//!
//! Nothing of it costs the reading of a frame whose comments nobody asks for: the block is parsed once more, from its
//! frame outwards.

use super::option::Options;
use super::{ENHANCED_PACKET, PACKET};
use crate::capture::order::Order;

/// `opt_comment`.
pub(super) const COMMENT: u16 = 1;
/// Bytes of a block in front of its frame: type, length, and the five words that both kinds of timed packet have.
const IN_FRONT: usize = 28;

/// The comments of the frame whose captured bytes are `frame`, a part of `buffer`.
pub(in crate::capture) fn comments<'b>(buffer: &'b [u8], frame: &[u8]) -> Vec<&'b str> {
    let start = frame.as_ptr().addr().wrapping_sub(buffer.as_ptr().addr());
    let options = [Order::Little, Order::Big].into_iter().find_map(|order| options(buffer, start, frame.len(), order));
    let comments = options.into_iter().flatten().map_while(Result::ok).filter(|&(code, _)| code == COMMENT);
    comments.filter_map(|(_, text)| str::from_utf8(text).ok()).collect()
}

/// The options behind the frame at `start`, if its block is in this byte order.
fn options(buffer: &[u8], start: usize, length: usize, order: Order) -> Option<Options<'_>> {
    let block = buffer.get(start.checked_sub(IN_FRONT)?..)?;
    let ([kind, stated, _, _, _, captured, _], _) = order.u32s::<7>(block)?;
    let (body, _) = block.get(..stated as usize)?.split_last_chunk::<4>()?;
    let is_packet = [ENHANCED_PACKET, PACKET].contains(&kind) && captured as usize == length;
    let behind = IN_FRONT + length.checked_next_multiple_of(4)?;
    is_packet.then_some(Options::new(order, body.get(behind..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Inputs;
    use crate::capture::testing::Pcapng as File;

    /// An Enhanced Packet Block's body with these options behind two bytes of frame.
    fn packet(order: Order, options: &[u8]) -> Vec<u8> {
        let word = |n: u32| if order == Order::Little { n.to_le_bytes() } else { n.to_be_bytes() };
        [&[word(0), word(0), word(9), word(2), word(60)].concat(), &b"ab\0\0"[..], options].concat()
    }

    fn option(order: Order, code: u16, text: &[u8]) -> Vec<u8> {
        let half = |n: u16| if order == Order::Little { n.to_le_bytes() } else { n.to_be_bytes() };
        let mut option = [&half(code), &half(text.len() as u16), text].concat();
        option.resize(option.len().next_multiple_of(4), 0);
        option
    }

    fn seen(file: File) -> Vec<Vec<String>> {
        let mut inputs = Inputs::from_reader("test", std::io::Cursor::new(file.bytes)).unwrap();
        let mut seen = Vec::new();
        while let Some(batch) = inputs.next_batch().unwrap() {
            seen.extend(
                batch.frames.iter().map(|frame| {
                    comments(&batch.buffer, frame.bytes).into_iter().map(str::to_owned).collect::<Vec<_>>()
                }),
            );
        }
        seen
    }

    #[test]
    fn comments_are_found_in_both_orders() {
        for order in [Order::Little, Order::Big] {
            let mut file = File::new(order);
            file.interface(1, 0, &[]);
            let two =
                [option(order, 1, b"one"), option(order, 2, &[0; 4]), option(order, 1, "zwei für".as_bytes())].concat();
            for options in [vec![], two, option(order, 1, b"\xff"), vec![1, 0, 0xff, 0xff]] {
                file.block(ENHANCED_PACKET, &packet(order, &options));
            }
            file.simple(2, b"ab");
            assert_eq!(seen(file), [vec![], vec!["one".to_owned(), "zwei für".to_owned()], vec![], vec![], vec![]]);
        }
    }

    #[test]
    fn what_is_no_block_has_none() {
        assert_eq!(comments(b"abcdef", b"elsewhere"), [""; 0]);
        let buffer = [6, 0, 0, 0].repeat(30);
        for length in 0..buffer.len() {
            for start in 0..=length {
                assert_eq!(comments(&buffer[..length], &buffer[start..length]), [""; 0]);
            }
        }
    }
}
