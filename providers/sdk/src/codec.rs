//! Values as JSON, on disk and in events.
//!
//! Plain values of the expected type are written as plain JSON. What JSON cannot tell apart is an
//! object with one key that starts with `$`:
//! `{"$number": "0.1"}` a number that is no 64-bit integer, `{"$unknown": <type>}`,
//! `{"$sealed": "<text>"}` a sensitive value, `{"$typed": [<type>, <value>]}` a value where the
//! type is `any`, `{"$map": [[key, value], …]}` a map with a key that starts with `$`.

use serde_json::{Map, Value as Json, json};
use thiserror::Error;

use crate::{Field, Name, Object, Type, Value};

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CodecError {
    #[error("{0}")]
    Malformed(String),
    #[error("a secret could not be sealed or opened: {0}")]
    Seal(String),
}

fn malformed(what: impl Into<String>) -> CodecError {
    CodecError::Malformed(what.into())
}

/// Seals and opens sensitive values.
pub trait Seal {
    fn seal(&self, plain: &[u8]) -> Result<String, CodecError>;
    fn open(&self, sealed: &str) -> Result<Vec<u8>, CodecError>;
}

/// Refuses sensitive values: for places where none may be.
pub struct NoSeal;

impl Seal for NoSeal {
    fn seal(&self, _: &[u8]) -> Result<String, CodecError> {
        Err(CodecError::Seal("no key is at hand here".into()))
    }

    fn open(&self, _: &str) -> Result<Vec<u8>, CodecError> {
        Err(CodecError::Seal("no key is at hand here".into()))
    }
}

pub fn encode(value: &Value, ty: &Type, seal: &dyn Seal) -> Result<Json, CodecError> {
    Ok(match (value, ty) {
        (Value::Sensitive(inner), _) => {
            let plain = encode(inner, ty, seal)?;
            let bytes = serde_json::to_vec(&plain).map_err(|e| malformed(e.to_string()))?;
            json!({ "$sealed": seal.seal(&bytes)? })
        }
        (Value::Null, _) => Json::Null,
        (Value::Bool(b), _) => json!(b),
        (Value::String(s), _) => json!(&**s),
        (Value::Number(n), _) => match n.as_i64() {
            Some(i) => json!(i),
            None => json!({ "$number": n.to_string() }),
        },
        (Value::Unknown(u), _) => json!({ "$unknown": encode_type(&u.ty)? }),
        (_, Type::Any) => {
            // The inner parts are written against the value's own type, which tells list from
            // tuple and map from object.
            let own = value.ty();
            json!({ "$typed": [encode_type(&own)?, encode(value, &own, seal)?] })
        }
        (Value::List(v), Type::List(t)) | (Value::Set(v), Type::Set(t)) => {
            Json::Array(v.iter().map(|v| encode(v, t, seal)).collect::<Result<_, _>>()?)
        }
        (Value::Tuple(v), Type::Tuple(types)) if v.len() == types.len() => {
            Json::Array(v.iter().zip(types).map(|(v, t)| encode(v, t, seal)).collect::<Result<_, _>>()?)
        }
        (Value::Map(o), Type::Map(t)) => {
            entries(o.iter().map(|(k, v)| Ok((k.clone(), encode(v, t, seal)?))))?
        }
        (Value::Object(o), Type::Object(fields)) => {
            entries(fields.iter().map(|(k, f)| Ok((k.clone(), encode(o.get(k), &f.ty, seal)?))))?
        }
        (value, ty) => {
            return Err(malformed(format!("a value of type {} where {ty} is expected", value.ty())));
        }
    })
}

fn entries(pairs: impl Iterator<Item = Result<(Name, Json), CodecError>>) -> Result<Json, CodecError> {
    let pairs: Vec<(Name, Json)> = pairs.collect::<Result<_, _>>()?;
    if pairs.iter().any(|(k, _)| k.starts_with('$')) {
        let pairs: Vec<Json> = pairs.into_iter().map(|(k, v)| json!([&*k, v])).collect();
        return Ok(json!({ "$map": pairs }));
    }
    Ok(Json::Object(pairs.into_iter().map(|(k, v)| (k.to_string(), v)).collect()))
}

pub fn decode(json: &Json, ty: &Type, seal: &dyn Seal) -> Result<Value, CodecError> {
    if let Json::Object(map) = json
        && map.len() == 1
        && let Some((key, inner)) = map.iter().next()
        && key.starts_with('$')
    {
        return decode_special(key, inner, ty, seal);
    }
    Ok(match (json, ty) {
        (Json::Null, _) => Value::Null,
        (Json::Bool(b), Type::Bool | Type::Any) => (*b).into(),
        (Json::Number(n), Type::Number | Type::Any) => Value::Number(
            n.as_i64().map(Into::into).ok_or_else(|| malformed("a number that is no 64-bit integer"))?,
        ),
        (Json::String(s), Type::String | Type::Any) => Value::from(s.as_str()),
        (Json::Array(items), Type::List(t)) => {
            Value::list(items.iter().map(|v| decode(v, t, seal)).collect::<Result<Vec<_>, _>>()?)
        }
        (Json::Array(items), Type::Set(t)) => {
            Value::set(items.iter().map(|v| decode(v, t, seal)).collect::<Result<Vec<_>, _>>()?)
        }
        (Json::Array(items), Type::Tuple(types)) if items.len() == types.len() => Value::tuple(
            items.iter().zip(types).map(|(v, t)| decode(v, t, seal)).collect::<Result<Vec<_>, _>>()?,
        ),
        (Json::Object(map), Type::Map(t)) => Value::map(
            map.iter()
                .map(|(k, v)| Ok((k.as_str(), decode(v, t, seal)?)))
                .collect::<Result<Vec<_>, CodecError>>()?,
        ),
        (Json::Object(map), Type::Object(fields)) => Value::from(decode_fields(map, fields, seal)?),
        (_, ty) => return Err(malformed(format!("JSON that is no {ty}"))),
    })
}

fn decode_fields(
    map: &Map<String, Json>,
    fields: &std::collections::BTreeMap<Name, Field>,
    seal: &dyn Seal,
) -> Result<Object, CodecError> {
    fields
        .iter()
        .map(|(name, field)| {
            let value = match map.get(&**name) {
                Some(json) => decode(json, &field.ty, seal)?,
                None => Value::Null,
            };
            Ok((name.clone(), value))
        })
        .collect()
}

fn decode_special(key: &str, inner: &Json, ty: &Type, seal: &dyn Seal) -> Result<Value, CodecError> {
    match (key, inner) {
        ("$sealed", Json::String(text)) => {
            let plain: Json =
                serde_json::from_slice(&seal.open(text)?).map_err(|e| malformed(e.to_string()))?;
            Ok(decode(&plain, ty, seal)?.sensitive())
        }
        ("$number", Json::String(text)) => {
            text.parse().map(Value::Number).map_err(|_| malformed("\"$number\" is not a number"))
        }
        ("$unknown", ty) => Ok(Value::unknown(decode_type(ty)?)),
        ("$typed", Json::Array(pair)) if pair.len() == 2 => decode(&pair[1], &decode_type(&pair[0])?, seal),
        ("$map", Json::Array(pairs)) => {
            let mut object = Object::new();
            for pair in pairs {
                let Some((key, value)) = pair.get(0).and_then(Json::as_str).zip(pair.get(1)) else {
                    return Err(malformed("\"$map\" holds pairs"));
                };
                let element = match ty {
                    Type::Map(t) => t,
                    Type::Object(fields) => &fields.get(key).ok_or_else(|| malformed("unknown key"))?.ty,
                    _ => return Err(malformed("\"$map\" is not expected here")),
                };
                object.set(key, decode(value, element, seal)?);
            }
            Ok(match ty {
                Type::Map(_) => Value::Map(object.into()),
                _ => Value::from(object),
            })
        }
        _ => Err(malformed(format!("\"{key}\" is not known here"))),
    }
}

/// The attributes of an instance; `ty` is the schema's object type.
pub fn encode_object(object: &Object, ty: &Type, seal: &dyn Seal) -> Result<Json, CodecError> {
    let Type::Object(fields) = ty else { return Err(malformed("an object type is expected")) };
    entries(fields.iter().map(|(k, f)| Ok((k.clone(), encode(object.get(k), &f.ty, seal)?))))
}

pub fn decode_object(json: &Json, ty: &Type, seal: &dyn Seal) -> Result<Object, CodecError> {
    match (json, ty) {
        (Json::Object(map), Type::Object(fields)) => decode_fields(map, fields, seal),
        _ => Err(malformed("an object is expected")),
    }
}

fn encode_type(ty: &Type) -> Result<Json, CodecError> {
    Ok(match ty {
        Type::Any => json!("any"),
        Type::Bool => json!("bool"),
        Type::Number => json!("number"),
        Type::String => json!("string"),
        Type::List(t) => json!(["list", encode_type(t)?]),
        Type::Set(t) => json!(["set", encode_type(t)?]),
        Type::Map(t) => json!(["map", encode_type(t)?]),
        Type::Tuple(types) => json!(["tuple", types.iter().map(encode_type).collect::<Result<Vec<_>, _>>()?]),
        Type::Object(fields) => {
            let pairs: Result<Vec<Json>, _> =
                fields.iter().map(|(k, f)| Ok(json!([&**k, encode_type(&f.ty)?]))).collect();
            json!(["object", pairs?])
        }
    })
}

fn decode_type(json: &Json) -> Result<Type, CodecError> {
    match json {
        Json::String(s) => match s.as_str() {
            "any" => Ok(Type::Any),
            "bool" => Ok(Type::Bool),
            "number" => Ok(Type::Number),
            "string" => Ok(Type::String),
            _ => Err(malformed(format!("\"{s}\" is not a type"))),
        },
        Json::Array(pair) if pair.len() == 2 => match (pair[0].as_str(), &pair[1]) {
            (Some("list"), t) => decode_type(t).map(Type::list),
            (Some("set"), t) => decode_type(t).map(Type::set),
            (Some("map"), t) => decode_type(t).map(Type::map),
            (Some("tuple"), Json::Array(types)) => {
                types.iter().map(decode_type).collect::<Result<_, _>>().map(Type::Tuple)
            }
            (Some("object"), Json::Array(pairs)) => {
                let fields: Result<Vec<(Name, Field)>, CodecError> = pairs
                    .iter()
                    .map(|pair| match pair.get(0).and_then(Json::as_str).zip(pair.get(1)) {
                        Some((name, ty)) => Ok((name.into(), Field::optional(decode_type(ty)?))),
                        None => Err(malformed("an object type holds pairs")),
                    })
                    .collect();
                Ok(Type::object(fields?))
            }
            _ => Err(malformed("not a type")),
        },
        _ => Err(malformed("not a type")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reverses the bytes: enough to see that sealing happens.
    struct Mirror;

    impl Seal for Mirror {
        fn seal(&self, plain: &[u8]) -> Result<String, CodecError> {
            Ok(String::from_utf8_lossy(plain).chars().rev().collect())
        }

        fn open(&self, sealed: &str) -> Result<Vec<u8>, CodecError> {
            Ok(sealed.chars().rev().collect::<String>().into_bytes())
        }
    }

    #[test]
    fn every_value_comes_back() {
        let values = [
            Value::Null,
            Value::Number("0.1".parse().expect("number")),
            Value::tuple([1.into(), "a".into(), Value::Null]),
            Value::list([]),
            Value::set(["b".into(), "a".into()]),
            Value::map([("$sealed", Value::from("not a secret"))]),
            Value::object([("a", Value::from("secret").sensitive()), ("b", Value::unknown(Type::Bool))]),
        ];
        for value in values {
            let json = encode(&value, &Type::Any, &Mirror).expect("encode");
            assert_eq!(decode(&json, &Type::Any, &Mirror).expect("decode"), value);
        }
    }

    #[test]
    fn secrets_are_never_written_in_clear() {
        let value = Value::object([("a", Value::from("hunter2").sensitive())]);
        let json = encode(&value, &Type::Any, &Mirror).expect("encode").to_string();
        assert!(!json.contains("hunter2") && json.contains("$sealed"), "{json}");
        assert!(encode(&value, &Type::Any, &NoSeal).is_err());
    }
}
