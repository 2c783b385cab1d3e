use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mprov_sdk::Value;
use sha2::{Digest, Sha256, Sha512};

use super::files::{read, resolve};
use super::signature::{Failure, Function, Param, Shape, Surroundings, string};
use super::text::text;

const STR: &[Param] = &[string("str")];
const PATH: &[Param] = &[string("path")];

pub const FUNCTIONS: &[Function] = &[
    Function::new("sha256", STR, Shape::String, "the SHA-256 of the text, in hex", |_, a| {
        Ok(hex(&Sha256::digest(text(&a[0]))))
    }),
    Function::new("sha512", STR, Shape::String, "the SHA-512 of the text, in hex", |_, a| {
        Ok(hex(&Sha512::digest(text(&a[0]))))
    }),
    Function::new("base64sha256", STR, Shape::String, "the SHA-256 of the text, in Base64", |_, a| {
        Ok(base64(&Sha256::digest(text(&a[0]))))
    }),
    Function::new("base64sha512", STR, Shape::String, "the SHA-512 of the text, in Base64", |_, a| {
        Ok(base64(&Sha512::digest(text(&a[0]))))
    }),
    Function::new("filesha256", PATH, Shape::String, "the SHA-256 of the file, in hex", |s, a| {
        Ok(hex(&Sha256::digest(content(s, a)?)))
    }),
    Function::new("filesha512", PATH, Shape::String, "the SHA-512 of the file, in hex", |s, a| {
        Ok(hex(&Sha512::digest(content(s, a)?)))
    }),
    Function::new("filebase64sha256", PATH, Shape::String, "the SHA-256 of the file, in Base64", |s, a| {
        Ok(base64(&Sha256::digest(content(s, a)?)))
    }),
    Function::new("filebase64sha512", PATH, Shape::String, "the SHA-512 of the file, in Base64", |s, a| {
        Ok(base64(&Sha512::digest(content(s, a)?)))
    }),
];

fn content(surroundings: &Surroundings<'_>, args: &[Value]) -> Result<Vec<u8>, Failure> {
    read(&resolve(surroundings, text(&args[0]))?)
}

fn hex(bytes: &[u8]) -> Value {
    Value::from(bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())
}

fn base64(bytes: &[u8]) -> Value {
    Value::from(STANDARD.encode(bytes))
}
