/// The built-in modules, for `source = "mprov:<name>"`: name, and file names with their text.
pub fn blueprints() -> &'static [(&'static str, &'static [(&'static str, &'static str)])] {
    &[("moodle/small", SMALL)]
}

const SMALL: &[(&str, &str)] = &[
    ("variables.mprov.hcl", include_str!("../blueprints/small/variables.mprov.hcl")),
    ("data.mprov.hcl", include_str!("../blueprints/small/data.mprov.hcl")),
    ("database.mprov.hcl", include_str!("../blueprints/small/database.mprov.hcl")),
    ("web.mprov.hcl", include_str!("../blueprints/small/web.mprov.hcl")),
    ("site.mprov.hcl", include_str!("../blueprints/small/site.mprov.hcl")),
    ("outputs.mprov.hcl", include_str!("../blueprints/small/outputs.mprov.hcl")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_in_the_module() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/blueprints/small");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .expect("the blueprint's folder")
            .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        let mut built_in: Vec<&str> = SMALL.iter().map(|(name, _)| *name).collect();
        there.sort();
        built_in.sort();
        assert_eq!(there, built_in);
    }
}
