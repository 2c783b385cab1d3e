use std::cmp::Ordering;

use super::release::Release;
use super::releases::ENTRIES;
use super::requirements::Requirements;

/// The releases to be at one after the other, the last of them `to`; none where it is the same as
/// `from`. An error, in a sentence, where one step does not lead there.
pub fn hops(
    from: Option<&Release>,
    to: &Release,
    needs: Option<&Requirements>,
) -> Result<Vec<String>, String> {
    let Some(from) = from else { return Ok(vec![to.to_string()]) };
    match to.compare(from) {
        Ordering::Less => {
            return Err(format!(
                "{from} -> {to} is a downgrade, and Moodle cannot go back: stay at {from} or a later release, or go \
                 back to the data from before the upgrade"
            ));
        }
        Ordering::Equal => return Ok(Vec::new()),
        Ordering::Greater => {}
    }
    let Some(least) = needs.and_then(|n| n.from.as_ref()) else { return Ok(vec![to.to_string()]) };
    if from.branch == to.branch || from.reaches(least) {
        return Ok(vec![to.to_string()]);
    }
    let Some(between) = between(from, to, least) else {
        return Err(format!(
            "{from} -> {to} needs {least} or later in between, and this catalogue knows no way from {from}: it \
             begins with {}",
            ENTRIES[0].branch
        ));
    };
    let last = between.last().expect("at least one stop");
    let range = match least.branch == last.branch {
        true => format!("{least} or a later {}", last.branch),
        false => format!("{least} to {last}"),
    };
    let stops: Vec<String> = between.iter().map(Release::to_string).collect();
    Err(format!("{from} -> {to} needs {range} in between: {from} -> {} -> {to}", stops.join(" -> ")))
}

/// The fewest stops on the way: each time the newest branch that can be reached, with its newest
/// release.
fn between(from: &Release, to: &Release, least: &Release) -> Option<Vec<Release>> {
    let mut stops: Vec<Release> = Vec::new();
    loop {
        let here = stops.last().unwrap_or(from);
        if here.reaches(least) {
            return Some(stops);
        }
        let can_be_next = |branch, needs: Option<Release>| {
            let newer = branch > here.branch || (branch == here.branch && !here.is_newest());
            let open = branch == here.branch || needs.is_some_and(|least| here.reaches(&least));
            newer && branch < to.branch && open
        };
        let next = ENTRIES.iter().rev().find(|e| can_be_next(e.branch, Release::parse(e.from)))?;
        stops.push(Release::newest_of(next.branch));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::releases::entry;

    fn way(from: &str, to: &str) -> Result<Vec<String>, String> {
        let release = |text: &str| Release::parse(text).unwrap_or_else(|| panic!("{text}"));
        let to = release(to);
        let needs = entry(to.branch).map(|e| e.requirements());
        hops(Some(&release(from)), &to, needs.as_ref())
    }

    #[test]
    fn one_step_leads_to_what_takes_the_release() {
        for (from, to) in [
            ("4.5.5+ (Build: 20250613)", "5.0.6+ (Build: 20260403)"),
            ("4.2.3", "5.1"),
            ("4.1.2", "4.5"),
            ("4.4 (Build: 20240422)", "5.2"),
            ("5.0.0", "5.0.6"),
            ("4.5", "5.9"),
        ] {
            let to_release = Release::parse(to).expect("a release");
            assert_eq!(way(from, to), Ok(vec![to_release.to_string()]), "{from} {to}");
        }
        assert_eq!(way("5.0.6 (Build: 20260115)", "5.0.6 (Build: 20260115)"), Ok(Vec::new()));
        assert_eq!(way("5.0.6 (Build: 20260115)", "5.0.6+ (Build: 20260403)"), Ok(vec!["5.0.6".into()]));
    }

    #[test]
    fn stops_in_between_are_named() {
        for (from, to, said) in [
            ("4.1", "5.1", "4.1 -> 5.1 needs 4.2.3 to 4.5 in between: 4.1 -> 4.5 -> 5.1"),
            (
                "4.1.1+ (Build: 20230303)",
                "5.0.6",
                "4.1.1 -> 5.0.6 needs 4.2.3 to 4.3 in between: 4.1.1 -> 4.3 -> 5.0.6",
            ),
            ("3.9", "5.2", "3.9 -> 5.2 needs 4.4 to 4.5 in between: 3.9 -> 4.1 -> 4.5 -> 5.2"),
            ("3.11.8", "4.5.13", "3.11.8 -> 4.5.13 needs 4.1.2 to 4.3 in between: 3.11.8 -> 4.3 -> 4.5.13"),
            ("4.2.1", "5.0", "4.2.1 -> 5.0 needs 4.2.3 to 4.5 in between: 4.2.1 -> 4.5 -> 5.0"),
            ("4.2.3", "5.3", "4.2.3 -> 5.3 needs 4.5 to 5.1 in between: 4.2.3 -> 5.1 -> 5.3"),
        ] {
            assert_eq!(way(from, to), Err(said.to_owned()));
        }
    }

    #[test]
    fn there_is_no_way_back_and_none_from_before_the_catalogue() {
        assert!(way("5.0.6", "4.5.13").expect_err("back").contains("is a downgrade"));
        assert!(
            way("5.0.6+ (Build: 20260403)", "5.0.6 (Build: 20260115)")
                .expect_err("back")
                .contains("downgrade")
        );
        assert!(way("3.5.2", "5.0").expect_err("too old").contains("it begins with 4.0"));
    }
}
