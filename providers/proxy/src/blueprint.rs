/// The built-in modules, for `source = "mprov:<name>"`: name, and file names with their text.
pub fn blueprints() -> &'static [(&'static str, &'static [(&'static str, &'static str)])] {
    &[("proxy/caddy", CADDY)]
}

const CADDY: &[(&str, &str)] = &[
    ("variables.mprov.hcl", include_str!("../blueprints/caddy/variables.mprov.hcl")),
    ("main.mprov.hcl", include_str!("../blueprints/caddy/main.mprov.hcl")),
    ("outputs.mprov.hcl", include_str!("../blueprints/caddy/outputs.mprov.hcl")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_in_the_module() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/blueprints/caddy");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .expect("the blueprint's folder")
            .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        let mut built_in: Vec<&str> = CADDY.iter().map(|(name, _)| *name).collect();
        there.sort();
        built_in.sort();
        assert_eq!(there, built_in);
    }
}
