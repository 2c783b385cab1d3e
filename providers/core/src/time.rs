use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use mprov_sdk::{Attribute, Diagnostics, Fault, Object, PlanRequest, Planned, Schema, Type};

use crate::kept::{Kind, known_i64, plan_worn, refused};

/// RFC 3339 in UTC with whole seconds: one form, so that equal times are equal texts.
pub fn rfc3339(time: Timestamp) -> String {
    whole_seconds(time).to_string()
}

pub fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).expect("a timestamp without its fraction is in range")
}

pub fn parse_time(attribute: &str, text: &str) -> Result<Timestamp, Fault> {
    text.parse().map_err(|error| {
        Fault::new(format!("{attribute} is \"{text}\", which is not a time"))
            .detail(format!("{error}. Write it like 2026-09-01T06:00:00Z."))
    })
}

fn check_time(config: &Object, attribute: &str) -> Diagnostics {
    match config[attribute].as_str().map(|text| parse_time(attribute, text)) {
        Some(Err(fault)) => refused(attribute, fault.summary, fault.detail).into(),
        _ => Diagnostics::new(),
    }
}

fn base_attributes() -> [(&'static str, Attribute); 10] {
    let number = |what| Attribute::computed(Type::Number, what);
    [
        ("rfc3339", {
            let base = "The time, RFC 3339; the time of creation where none is given.";
            Attribute::optional_computed(Type::String, base).replaces()
        }),
        (
            "triggers",
            Attribute::optional(Type::map(Type::Any), "Any values; a change of them takes the time anew.")
                .replaces(),
        ),
        ("id", Attribute::computed(Type::String, "The time, RFC 3339, UTC.")),
        ("unix", number("Seconds since 1970.")),
        ("year", number("The year, UTC.")),
        ("month", number("The month, 1 to 12.")),
        ("day", number("The day of the month.")),
        ("hour", number("The hour, 0 to 23.")),
        ("minute", number("The minute.")),
        ("second", number("The second.")),
    ]
}

fn with_base(planned: &Object, now: Timestamp) -> Result<(Object, Timestamp), Fault> {
    let given = planned["rfc3339"].as_str().map(str::to_owned);
    let time = match &given {
        Some(text) => parse_time("rfc3339", text)?,
        None => whole_seconds(now),
    };
    let parts = time.to_zoned(TimeZone::UTC);
    let made = planned
        .clone()
        .with("rfc3339", given.unwrap_or_else(|| rfc3339(time)))
        .with("id", rfc3339(time))
        .with("unix", time.as_second())
        .with("year", i64::from(parts.year()))
        .with("month", i64::from(parts.month()))
        .with("day", i64::from(parts.day()))
        .with("hour", i64::from(parts.hour()))
        .with("minute", i64::from(parts.minute()))
        .with("second", i64::from(parts.second()));
    Ok((made, time))
}

/// `core_time_static`: a time that stays.
pub struct TimeStatic;

impl Kind for TimeStatic {
    fn schema(&self) -> Schema {
        Schema::new(
            "core_time_static",
            "A time that stays: that of creation, or a given one.",
            base_attributes(),
        )
        .value()
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        check_time(config, "rfc3339")
    }

    fn make(&self, planned: &Object, now: Timestamp) -> Result<Object, Fault> {
        Ok(with_base(planned, now)?.0)
    }
}

/// The parts of a rotation period.
const PERIOD: [&str; 5] =
    ["rotation_minutes", "rotation_hours", "rotation_days", "rotation_months", "rotation_years"];

/// `core_time_rotating`: a time that is replaced when its period is over.
pub struct TimeRotating;

impl Kind for TimeRotating {
    fn schema(&self) -> Schema {
        let mut schema = Schema::new(
            "core_time_rotating",
            "A time that is replaced when its period is over, to make others change with it.",
            base_attributes(),
        );
        for name in PERIOD {
            let part = Attribute::optional(Type::Number, "A part of the period; the parts add up.");
            schema.attributes.insert(name.into(), part);
        }
        let computed = [
            (
                "rotation_rfc3339",
                Attribute::computed(Type::String, "When the period is over, RFC 3339, UTC."),
            ),
            (
                "expired",
                Attribute::computed(Type::Bool, "The period is over: the next apply replaces the instance."),
            ),
        ];
        for (name, attribute) in computed {
            schema.attributes.insert(name.into(), attribute.recomputed_by(PERIOD));
        }
        schema
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        let mut found = check_time(config, "rfc3339");
        for name in PERIOD {
            if let Some(n) = known_i64(config, name)
                && !(1..=1_000_000).contains(&n)
            {
                let summary = format!("{name} is {n}, it must be from 1 to 1000000");
                found.push(refused(name, summary, "Leave out the parts that are not needed."));
            }
        }
        if PERIOD.iter().all(|name| config[name].is_null()) {
            let detail = "Set rotation_days, or another part of the period.";
            found.push(refused("rotation_days", "there is no period after which to rotate", detail));
        }
        found
    }

    fn plan(&self, schema: &Schema, request: &PlanRequest<'_>) -> Planned {
        plan_worn(schema, request, "expired")
    }

    fn make(&self, planned: &Object, now: Timestamp) -> Result<Object, Fault> {
        let (made, base) = with_base(planned, now)?;
        with_rotation(made, base, now)
    }

    fn revise(&self, prior: &Object, planned: &Object, now: Timestamp) -> Result<Object, Fault> {
        // Counted from the same base, but a shorter period may be over at once: that is said, and
        // left to the next plan.
        let base = parse_time("rfc3339", prior.str("rfc3339")?)?;
        with_rotation(planned.clone(), base, base).and_then(|revised| self.observe(&revised, now))
    }

    fn observe(&self, stored: &Object, now: Timestamp) -> Result<Object, Fault> {
        let end = parse_time("rotation_rfc3339", stored.str("rotation_rfc3339")?)?;
        Ok(stored.clone().with("expired", now >= end))
    }
}

/// The end of the first period, counted from the base, that is not over now.
fn with_rotation(made: Object, base: Timestamp, now: Timestamp) -> Result<Object, Fault> {
    let mut parts = [0; PERIOD.len()];
    for (part, name) in parts.iter_mut().zip(PERIOD) {
        *part = made.opt_i64(name)?.unwrap_or(0);
    }
    let [minutes, hours, days, months, years] = parts;
    let period = Span::new()
        .try_minutes(minutes)
        .and_then(|s| s.try_hours(hours))
        .and_then(|s| s.try_days(days))
        .and_then(|s| s.try_months(months))
        .and_then(|s| s.try_years(years))
        .ok();
    let end = period.and_then(|period| rotation_end(base, period, now)).ok_or_else(|| {
        Fault::new("the rotation period is empty or ends after the year 9999")
            .detail("Set rotation_days, or another part of the period, to something shorter.")
    })?;
    Ok(made.with("rotation_rfc3339", rfc3339(end)).with("expired", false))
}

fn rotation_end(base: Timestamp, period: Span, now: Timestamp) -> Option<Timestamp> {
    let start = base.to_zoned(TimeZone::UTC);
    let after = |periods: i64| {
        let span = period.checked_mul(periods).ok()?;
        Some(start.checked_add(span).ok()?.timestamp())
    };
    let first = after(1)?;
    if first > now {
        return Some(first);
    }
    let length = first.duration_since(base).as_secs();
    if length <= 0 {
        return None;
    }
    // Months differ by at most a tenth in length: a guess from below, then single steps.
    let guess = now.duration_since(base).as_secs() / length;
    let mut periods = (guess - guess / 8 - 1).max(1);
    loop {
        let end = after(periods)?;
        if end > now {
            return Some(end);
        }
        periods += 1;
    }
}

#[cfg(test)]
mod tests {
    use mprov_sdk::Verdict;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn rotating(base: Option<&str>, part: &'static str, n: i64, now: &str) -> Object {
        let planned = Object::new().with("rfc3339", base.map(str::to_owned)).with(part, n);
        TimeRotating.make(&planned, at(now)).unwrap()
    }

    #[test]
    fn a_static_time_is_the_time_of_creation_or_the_given_one() {
        let made = TimeStatic.make(&Object::new(), at("2026-03-04T05:06:07.89Z")).unwrap();
        assert_eq!(made["rfc3339"], "2026-03-04T05:06:07Z".into());
        assert_eq!((made["month"].as_i64(), made["second"].as_i64()), (Some(3), Some(7)));
        let given = Object::new().with("rfc3339", "2026-01-01T00:00:00+09:00");
        let made = TimeStatic.make(&given, at("2026-03-04T05:06:07Z")).unwrap();
        assert_eq!(made["id"], "2025-12-31T15:00:00Z".into());
        assert_eq!(made["rfc3339"], given["rfc3339"]);
    }

    #[test]
    fn a_period_that_is_over_replaces() {
        let made = rotating(None, "rotation_days", 30, "2026-01-01T00:00:00Z");
        assert_eq!(made["rotation_rfc3339"], "2026-01-31T00:00:00Z".into());
        let schema = TimeRotating.schema();
        let config = Object::new().with("rotation_days", 30);
        let verdict = |now| {
            let seen = TimeRotating.observe(&made, at(now)).unwrap();
            let request = PlanRequest { config: &config, stored: Some(&made), observed: Some(&seen) };
            TimeRotating.plan(&schema, &request).verdict
        };
        assert_eq!(verdict("2026-01-30T23:59:59Z"), Verdict::Nothing);
        assert_eq!(verdict("2026-01-31T00:00:00Z"), Verdict::Replace);
    }

    #[test]
    fn a_given_base_rotates_to_the_next_end_that_is_to_come() {
        let made = rotating(Some("2020-01-31T00:00:00Z"), "rotation_months", 1, "2026-03-15T00:00:00Z");
        assert_eq!(made["rotation_rfc3339"], "2026-03-31T00:00:00Z".into());
        let made = rotating(Some("1970-01-01T00:00:00Z"), "rotation_minutes", 7, "2026-03-15T00:00:00Z");
        let end = at(made.str("rotation_rfc3339").unwrap());
        assert!(end > at("2026-03-15T00:00:00Z") && end <= at("2026-03-15T00:07:00Z"), "{end}");
    }

    #[test]
    fn a_shorter_period_may_be_over_at_once() {
        let prior = rotating(None, "rotation_days", 30, "2026-01-01T00:00:00Z");
        let planned = prior.clone().with("rotation_days", 7);
        let revised = TimeRotating.revise(&prior, &planned, at("2026-01-10T00:00:00Z")).unwrap();
        assert_eq!(revised["rotation_rfc3339"], "2026-01-08T00:00:00Z".into());
        assert_eq!(revised["expired"], true.into());
    }

    #[test]
    fn no_period_and_no_time_are_refused() {
        let found = TimeRotating.validate(&Object::new().with("rfc3339", "tomorrow"));
        let places: Vec<&str> = found.iter().filter_map(|d| d.address.as_deref()).collect();
        assert_eq!(places, ["rfc3339", "rotation_days"]);
    }
}
