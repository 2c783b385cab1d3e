use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::signature::Function;
use super::{
    chrono, cidr, collections, conversion, csv, digest, encoding, files, format, json, lists, maps, numbers,
    pattern, sets, text, yaml,
};
use crate::config::eval::suggest::did_you_mean;

static TABLE: LazyLock<BTreeMap<&'static str, &'static Function>> = LazyLock::new(|| {
    let families: [&'static [Function]; 17] = [
        chrono::FUNCTIONS,
        cidr::FUNCTIONS,
        collections::FUNCTIONS,
        conversion::FUNCTIONS,
        csv::FUNCTIONS,
        digest::FUNCTIONS,
        encoding::FUNCTIONS,
        files::FUNCTIONS,
        format::FUNCTIONS,
        json::FUNCTIONS,
        lists::FUNCTIONS,
        maps::FUNCTIONS,
        numbers::FUNCTIONS,
        pattern::FUNCTIONS,
        sets::FUNCTIONS,
        text::FUNCTIONS,
        yaml::FUNCTIONS,
    ];
    families.into_iter().flatten().map(|f| (f.name, f)).collect()
});

/// The function of that name.
pub fn function(name: &str) -> Option<&'static Function> {
    TABLE.get(name).copied()
}

/// What to write instead of a function that does not exist; empty where nothing is near.
pub fn instead_of(name: &str) -> String {
    let reason = match name {
        "uuid" | "bcrypt" => "Its result would differ in every plan: use a resource, which keeps its value.",
        "md5" | "filemd5" | "sha1" | "filesha1" => "Use sha256() and its like.",
        "yamldecode" => "YAML is written only: give the data as JSON and read it with jsondecode().",
        "list" | "map" => "Write the value itself, [...] or {...}, with tolist() or tomap() where needed.",
        "rsadecrypt" | "base64gzip" | "uuidv5" => "mprov does not have it.",
        _ => return did_you_mean(name, TABLE.keys().copied()),
    };
    reason.to_owned()
}
