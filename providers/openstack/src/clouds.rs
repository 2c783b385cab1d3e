use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use mprov_sdk::Fault;
use serde_json::{Map, Value as Json};

use crate::environment::Environment;

/// The entry of a named cloud in `clouds.yaml`, with what `secure.yaml` adds to it.
pub fn named(name: &str, environment: &Environment) -> Result<Json, Fault> {
    let files = environment.cloud_files();
    let Some((path, document)) = first(&files)? else {
        let places: Vec<_> = files.iter().map(|f| f.display().to_string()).collect();
        return Err(Fault::new(format!("there is no clouds.yaml that could name the cloud \"{name}\""))
            .detail(format!("Looked for {}.", places.join(", "))));
    };
    let clouds = document["clouds"].as_object();
    let Some(cloud) = clouds.and_then(|clouds| clouds.get(name)) else {
        let names: Vec<_> = clouds.into_iter().flat_map(Map::keys).map(String::as_str).collect();
        return Err(Fault::new(format!("{} knows no cloud \"{name}\"", path.display())).detail(format!(
            "It has: {}.",
            if names.is_empty() { "none".into() } else { names.join(", ") }
        )));
    };
    let mut cloud = cloud.clone();
    if let Some((_, secrets)) = first(&environment.secret_files())? {
        lay_over(&mut cloud, &secrets["clouds"][name]);
    }
    Ok(cloud)
}

fn first(files: &[PathBuf]) -> Result<Option<(&Path, Json)>, Fault> {
    for path in files {
        match std::fs::read_to_string(path) {
            Ok(text) => return Ok(Some((path, parse(path, &text)?))),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => {
                return Err(Fault::new(format!("{} cannot be read", path.display())).detail(format!("{e}.")));
            }
        }
    }
    Ok(None)
}

/// The parser's message may quote the text, which holds passwords: only the place is told.
fn parse(path: &Path, text: &str) -> Result<Json, Fault> {
    yaml_serde::from_str(text).map_err(|e| {
        let place = e.location().map(|l| format!(" in line {}, column {}", l.line(), l.column()));
        Fault::new(format!("{} is not YAML", path.display()))
            .detail(format!("There is a mistake{}.", place.unwrap_or_default()))
    })
}

fn lay_over(under: &mut Json, over: &Json) {
    match (under, over) {
        (_, Json::Null) => {}
        (Json::Object(under), Json::Object(over)) => {
            for (key, value) in over {
                lay_over(under.entry(key.as_str()).or_insert(Json::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}
