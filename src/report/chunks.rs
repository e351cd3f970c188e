//! Work on many flows, spread over cores.
//!
//! In: how many, what to do with a chunk of them. Out: the results, in order, whatever the number of threads.
//! Must not know: what is done.

use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::mpsc::sync_channel;
use std::thread;

/// So many flows are done at a time: enough that handing them over costs nothing, few enough to stay in a cache.
const CHUNK: usize = 128;

/// Does `work` on every chunk of `0..len` and hands the results to `take`, in order. Each thread does every n-th chunk
/// and is at most two ahead, so that what waits is bounded. An error of `take` ends it.
pub(super) fn in_order<T: Send>(
    threads: NonZeroUsize,
    len: usize,
    work: impl Fn(Range<usize>) -> T + Sync,
    mut take: impl FnMut(T) -> io::Result<()>,
) -> io::Result<()> {
    let chunks = move || (0..len).step_by(CHUNK).map(move |from| from..len.min(from + CHUNK));
    let threads = threads.get().min(chunks().len());
    if threads < 2 {
        return chunks().try_for_each(|chunk| take(work(chunk)));
    }
    let work = &work;
    thread::scope(|scope| {
        let spawn = |first: usize| {
            let (sender, receiver) = sync_channel(1);
            scope.spawn(move || chunks().skip(first).step_by(threads).try_for_each(|chunk| sender.send(work(chunk))));
            receiver
        };
        let receivers: Vec<_> = (0..threads).map(spawn).collect();
        // A thread that ends early has panicked, and the scope tells.
        let mut results = receivers.iter().cycle().take(chunks().len()).map_while(|receiver| receiver.recv().ok());
        let done = results.try_for_each(&mut take);
        drop(receivers);
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_one_thread() {
        for len in [0, 1, CHUNK, CHUNK + 1, 10 * CHUNK + 7] {
            for threads in [1, 2, 3, 64] {
                let mut all = Vec::new();
                let take = |chunk: Vec<usize>| {
                    all.extend(chunk);
                    Ok(())
                };
                in_order(NonZeroUsize::new(threads).unwrap(), len, Iterator::collect, take).unwrap();
                assert!(all.iter().copied().eq(0..len), "{len} on {threads}");
            }
        }
    }

    #[test]
    fn an_error_ends_it() {
        for threads in [1, 4] {
            let mut taken = 0;
            let take = |_| {
                taken += 1;
                if taken < 3 { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
            };
            let ended = in_order(NonZeroUsize::new(threads).unwrap(), 1000 * CHUNK, |chunk| chunk.len(), take);
            assert_eq!((ended.unwrap_err().kind(), taken), (io::ErrorKind::BrokenPipe, 3));
        }
    }
}
