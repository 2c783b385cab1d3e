use serde::Deserialize;

use crate::{Record, layout};

const OPEN: &str = r#"{"sum":""#;
const SUM_LEN: usize = 16;
const CLOSE: &str = r#"","#;

/// A line that was written whole and is undamaged.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub sum: &'a str,
    pub seq: u64,
    pub durable: u64,
    pub record: Record,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    /// Not what was written.
    Damaged,
    /// What was written, but by a version that knows more.
    Unknown(String),
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "sum")]
    _sum: serde::de::IgnoredAny,
    seq: u64,
    durable: u64,
    record: Record,
}

/// The record as the text that [`line`] takes: compact, so that it fits a line.
pub(crate) fn body(record: &Record) -> Vec<u8> {
    layout::compact(&serde_json::to_vec(record).expect("all keys are strings"))
}

/// Appends the line of a record to `out` and returns its sum.
pub(crate) fn write(out: &mut Vec<u8>, seq: u64, durable: u64, body: &[u8]) -> String {
    let mut rest = format!("\"seq\":{seq},\"durable\":{durable},\"record\":").into_bytes();
    rest.extend_from_slice(body);
    rest.push(b'}');
    let sum = sum(&rest);
    out.reserve(OPEN.len() + SUM_LEN + CLOSE.len() + rest.len() + 1);
    out.extend_from_slice(OPEN.as_bytes());
    out.extend_from_slice(sum.as_bytes());
    out.extend_from_slice(CLOSE.as_bytes());
    out.extend_from_slice(&rest);
    out.push(b'\n');
    sum
}

/// Reads a line, without its line break.
pub(crate) fn parse(line: &[u8]) -> Result<Line<'_>, Bad> {
    let text = std::str::from_utf8(line).map_err(|_| Bad::Damaged)?;
    let (sum, rest) = split(text).ok_or(Bad::Damaged)?;
    if self::sum(rest.as_bytes()) != sum {
        return Err(Bad::Damaged);
    }
    let body: Body = serde_json::from_str(text).map_err(|e| Bad::Unknown(e.to_string()))?;
    Ok(Line { sum, seq: body.seq, durable: body.durable, record: body.record })
}

/// What every version can say about a line that is undamaged: its sum and the format, where it
/// is a header.
pub(crate) fn format(line: &[u8]) -> Option<(u32, String)> {
    let json: serde_json::Value = serde_json::from_slice(line).ok()?;
    let header = json.get("record")?.get("header")?;
    let version = header.get("mprov_version").and_then(|v| v.as_str()).unwrap_or_default();
    Some((u32::try_from(header.get("format")?.as_u64()?).ok()?, version.to_owned()))
}

fn split(text: &str) -> Option<(&str, &str)> {
    let (sum, rest) = text.strip_prefix(OPEN)?.split_at_checked(SUM_LEN)?;
    Some((sum, rest.strip_prefix(CLOSE)?))
}

fn sum(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..SUM_LEN].to_owned()
}
