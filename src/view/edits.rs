/// One line of the difference of two sequences: indices into the one before and the one after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    Keep(usize, usize),
    Remove(usize),
    Add(usize),
}

/// Differences after which the sequences count as having nothing in common. Time and memory of the
/// search grow with the square of it.
const LIMIT: usize = 500;

/// The shortest way from one sequence to the other (the greedy algorithm of E. Myers, "An O(ND)
/// Difference Algorithm and Its Variations", 1986). Removals come before additions.
pub fn edits<T>(before: &[T], after: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<Edit> {
    let head = before.iter().zip(after).take_while(|(a, b)| same(a, b)).count();
    let (before_rest, after_rest) = (&before[head..], &after[head..]);
    let tail = before_rest.iter().rev().zip(after_rest.iter().rev()).take_while(|(a, b)| same(a, b)).count();
    let middle_before = &before_rest[..before_rest.len() - tail];
    let middle_after = &after_rest[..after_rest.len() - tail];

    let mut all: Vec<Edit> = (0..head).map(|i| Edit::Keep(i, i)).collect();
    let middle = shortest(middle_before, middle_after, same)
        .unwrap_or_else(|| everything(middle_before.len(), middle_after.len()));
    all.extend(removals_first(middle).into_iter().map(|edit| match edit {
        Edit::Keep(i, j) => Edit::Keep(head + i, head + j),
        Edit::Remove(i) => Edit::Remove(head + i),
        Edit::Add(j) => Edit::Add(head + j),
    }));
    let (i, j) = (head + middle_before.len(), head + middle_after.len());
    all.extend((0..tail).map(|k| Edit::Keep(i + k, j + k)));
    all
}

fn everything(before: usize, after: usize) -> Vec<Edit> {
    (0..before).map(Edit::Remove).chain((0..after).map(Edit::Add)).collect()
}

fn shortest<T>(before: &[T], after: &[T], same: impl Fn(&T, &T) -> bool) -> Option<Vec<Edit>> {
    let (n, m) = (before.len() as isize, after.len() as isize);
    let limit = (n + m).min(LIMIT as isize);
    let at = |k: isize| (k + limit + 1) as usize;
    // For every diagonal k = x - y, the furthest x reached with the differences spent so far.
    let mut reach = vec![0isize; 2 * limit as usize + 3];
    let mut rounds: Vec<Vec<isize>> = Vec::new();
    for spent in 0..=limit {
        rounds.push(reach[at(-spent - 1)..=at(spent + 1)].to_vec());
        for k in (-spent..=spent).step_by(2) {
            let down = k == -spent || (k != spent && reach[at(k - 1)] < reach[at(k + 1)]);
            let mut x = if down { reach[at(k + 1)] } else { reach[at(k - 1)] + 1 };
            while x < n && x - k < m && same(&before[x as usize], &after[(x - k) as usize]) {
                x += 1;
            }
            reach[at(k)] = x;
            if x >= n && x - k >= m {
                return Some(walk_back(&rounds, n, m));
            }
        }
    }
    None
}

/// From the end to the start through what each round had reached before it.
fn walk_back(rounds: &[Vec<isize>], n: isize, m: isize) -> Vec<Edit> {
    let mut edits = Vec::new();
    let (mut x, mut y) = (n, m);
    for (spent, reach) in rounds.iter().enumerate().rev() {
        let spent = spent as isize;
        let at = |k: isize| reach[(k + spent + 1) as usize];
        let k = x - y;
        let down = k == -spent || (k != spent && at(k - 1) < at(k + 1));
        let from = if down { k + 1 } else { k - 1 };
        let (from_x, from_y) = if spent == 0 { (0, 0) } else { (at(from), at(from) - from) };
        while x > from_x && y > from_y {
            (x, y) = (x - 1, y - 1);
            edits.push(Edit::Keep(x as usize, y as usize));
        }
        if spent > 0 {
            edits.push(if down { Edit::Add(from_y as usize) } else { Edit::Remove(from_x as usize) });
        }
        (x, y) = (from_x, from_y);
    }
    edits.reverse();
    edits
}

/// Inside each run without a kept element, removals before additions.
fn removals_first(mut edits: Vec<Edit>) -> Vec<Edit> {
    for run in edits.split_mut(|e| matches!(e, Edit::Keep(..))) {
        run.sort_by_key(|e| matches!(e, Edit::Add(_)));
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(before: &str, after: &str) -> Vec<Edit> {
        let (before, after): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
        edits(&before, &after, |a, b| a == b)
    }

    #[test]
    fn a_changed_element_is_removed_and_added() {
        let expected = [Edit::Keep(0, 0), Edit::Remove(1), Edit::Add(1), Edit::Keep(2, 2)];
        assert_eq!(of("abc", "axc"), expected);
    }

    #[test]
    fn the_classic_example_takes_five_differences() {
        let differences = of("abcabba", "cbabac").iter().filter(|e| !matches!(e, Edit::Keep(..))).count();
        assert_eq!(differences, 5);
    }

    #[test]
    fn sequences_without_anything_in_common_are_done_in_bounded_time() {
        let before: Vec<usize> = (0..20_000).collect();
        let after: Vec<usize> = (20_000..40_000).collect();
        assert_eq!(edits(&before, &after, |a, b| a == b).len(), 40_000);
    }

    proptest! {
        #[test]
        fn the_edits_lead_from_one_to_the_other(before in "[abc]{0,30}", after in "[abc]{0,30}") {
            let (b, a): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
            let edits = edits(&b, &a, |x, y| x == y);
            let mut old = String::new();
            let mut new = String::new();
            for edit in edits {
                match edit {
                    Edit::Keep(i, j) => {
                        prop_assert_eq!(b[i], a[j]);
                        old.push(b[i]);
                        new.push(a[j]);
                    }
                    Edit::Remove(i) => old.push(b[i]),
                    Edit::Add(j) => new.push(a[j]),
                }
            }
            prop_assert_eq!(old, before);
            prop_assert_eq!(new, after);
        }
    }
}
