//! How the lines of the screen are shared out.
//!
//! In: its size, the pane in use, how much each has to show. Out: [`Layout`]. Must not know: what is shown.

use super::panes::Pane;

/// Lines of the head: inputs and time, rates, flows and memory, verdicts, what was lost.
pub(super) const HEAD: u16 = 5;
/// Lines of the foot: what is the matter, and the keys.
pub(super) const FOOT: u16 = 2;
/// Lines of a pane besides its own: title, headings.
pub(super) const FRAME: u16 = 2;
/// Less is no screen.
pub(super) const LEAST: (u16, u16) = (40, 10);
/// With less than this for the panes there is one pane alone.
const ALL: u16 = 15;

/// How the screen is shared out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// There is room for something.
    pub fits: bool,
    /// The panes that are seen, from above, each with so many lines of its own.
    pub panes: Vec<(Pane, u16)>,
    /// Lines for what is in front, which has a title and the foot.
    pub front: u16,
}

/// Shares out a screen of so many columns and lines, where each pane has so many lines to show. The pane in use has
/// twice as much as another that has as much to show.
#[must_use]
pub(super) fn layout((columns, rows): (u16, u16), pane: Pane, needs: [usize; Pane::ALL.len()]) -> Layout {
    let fits = columns >= LEAST.0 && rows >= LEAST.1;
    let (body, front) = (rows.saturating_sub(HEAD + FOOT), rows.saturating_sub(1 + FOOT));
    if body < ALL {
        return Layout { fits, panes: vec![(pane, body.saturating_sub(FRAME))], front };
    }
    let mut panes = Pane::ALL.map(|pane| (pane, 1));
    for _ in 0..body.saturating_sub((FRAME + 1) * Pane::ALL.len() as u16) {
        let hungry = panes.iter_mut().zip(needs).filter(|((_, given), need)| usize::from(*given) < *need);
        let weighed =
            hungry.map(|(place, _)| place).min_by_key(|place| if place.0 == pane { place.1 } else { 2 * place.1 });
        match weighed {
            Some((_, given)) => *given += 1,
            // What nobody needs is the first one's, which keeps the others at the foot.
            None => panes.first_mut().into_iter().for_each(|(_, given)| *given += 1),
        }
    }
    Layout { fits, panes: panes.to_vec(), front }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of the panes' own.
    fn check(size: (u16, u16), pane: Pane, needs: [usize; 3], expected: &[u16]) {
        let layout = layout(size, pane, needs);
        let given: Vec<u16> = layout.panes.iter().map(|(_, given)| *given).collect();
        assert_eq!(given, expected, "{size:?} {pane:?} {needs:?}");
    }

    #[test]
    fn the_pane_in_use_has_most() {
        check((80, 24), Pane::Services, [30, 30, 30], &[5, 3, 3]);
        check((80, 24), Pane::Findings, [30, 30, 30], &[3, 5, 3]);
        check((80, 24), Pane::Findings, [30, 2, 0], &[8, 2, 1]);
        check((80, 24), Pane::Talkers, [0, 0, 0], &[9, 1, 1]);
        check((200, 50), Pane::Services, [100, 100, 20], &[19, 9, 9]);
        check((80, 20), Pane::Findings, [9, 9, 9], &[11]);
        check((80, 7), Pane::Findings, [9, 9, 9], &[0]);
        check((0, 0), Pane::Findings, [9, 9, 9], &[0]);
        check((u16::MAX, u16::MAX), Pane::Findings, [9, 9, 9], &[65_504, 9, 9]);
    }
}
