//! How much an audit in the making may keep of hosts and ports that come without end.
//!
//! In: how many entries there may be. Out: whether another may enter; what found no room, counted.
//! Must not know: what is kept. An audit of a file has room for everything, since its flows are kept themselves.

/// Room for so many entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    most: usize,
    taken: usize,
    refused: u64,
}

impl Default for Room {
    /// For everything.
    fn default() -> Self {
        Self::of(usize::MAX)
    }
}

impl Room {
    pub(super) const fn of(most: usize) -> Self {
        Self { most, taken: 0, refused: 0 }
    }

    /// Takes the place of one entry, if there is one.
    pub(super) const fn take(&mut self) -> bool {
        if self.taken < self.most {
            self.taken += 1;
            return true;
        }
        self.refused += 1;
        false
    }

    /// Brings up to date how many places are taken.
    pub(super) const fn recount(&mut self, taken: usize) {
        self.taken = taken;
    }

    /// Whether there are fewer places.
    pub(super) const fn lacks(&self, taken: usize) -> bool {
        taken > self.most
    }

    /// Places for each of so many, if all were given an equal share.
    pub(super) fn share(&self, of: usize) -> usize {
        self.most.checked_div(of).unwrap_or(self.most)
    }

    /// Takes note that so much had to go again.
    pub(super) const fn refuse(&mut self, n: usize) {
        self.refused += n as u64;
    }

    /// What found no room.
    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted() {
        let mut room = Room::of(2);
        assert_eq!([room.take(), room.take(), room.take()], [true, true, false]);
        room.recount(1);
        assert_eq!((room.take(), room.take(), room.refused()), (true, false, 2));
    }
}
