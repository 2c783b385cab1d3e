use std::time::Duration;

/// A time that passed or was measured, in whole units: `0s`, `42s`, `3m5s`, `2h4m`.
pub fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        _ => format!("{}h{}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A predicted time, in words: `about 4 s`, `under 1 s`, `about 2 min`, `about 1.5 h`.
pub fn about(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s < 1.0 => "under 1 s".to_owned(),
        s if s < 120.0 => format!("about {s:.0} s"),
        s if s < 5400.0 => format!("about {:.0} min", s / 60.0),
        s => format!("about {:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_say_them() {
        let texts = [0.4, 42.0, 185.0, 7440.0].map(|s| elapsed(Duration::from_secs_f64(s)));
        assert_eq!(texts, ["0s", "42s", "3m5s", "2h4m"]);
        let texts = [0.4, 4.2, 130.0, 5400.0].map(|s| about(Duration::from_secs_f64(s)));
        assert_eq!(texts, ["under 1 s", "about 4 s", "about 2 min", "about 1.5 h"]);
    }
}
