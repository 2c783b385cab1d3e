use std::time::Duration;

use mprov_sdk::Fault;

/// A length of time as people write it, `90s` or `1h 30m`; longer than nothing.
pub fn parse(text: &str) -> Result<Duration, Fault> {
    let parsed = text.parse::<jiff::SignedDuration>().ok().and_then(|d| Duration::try_from(d).ok());
    parsed.filter(|d| !d.is_zero()).ok_or_else(|| {
        Fault::new(format!("\"{text}\" is not a length of time"))
            .detail("Write it like \"90s\" or \"1h 30m\".")
    })
}
