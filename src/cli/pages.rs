//! The pages of `mprov explain`, one for each code.

macro_rules! pages {
    ($($code:literal),* $(,)?) => {
        /// Number and text of each page, in order.
        pub const PAGES: &[(u16, &str)] = &[
            $(($code, include_str!(concat!("../../docs/reference/errors/MP", $code, ".md")))),*
        ];
    };
}

#[rustfmt::skip]
pages!(
    1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012,
    1013, 1014, 1015, 1016, 1017, 1018, 1019, 1090, 1100, 1101, 1102, 1103,
    1104, 1105, 1110, 1111, 1112, 1113, 1114, 1201, 1202, 1203, 1204, 1205,
    1206, 1207, 1208, 1209, 1210, 1211, 1212, 1213, 1301, 1302, 1303, 1304,
    1305, 1306, 1307, 1308, 1320, 1321, 1322, 1323, 1324, 1330, 1340, 1341,
    1342, 1343, 1344, 1345, 1346, 1350, 1351, 1410, 1420, 1430, 1431, 1432,
    1433, 1434, 1435, 1436, 1437, 1438, 1439, 1440, 1441, 1442, 1443, 1444,
    2001, 2002, 2003, 2010, 2011, 2012, 2020, 2030, 2040, 2050, 2051, 2060,
    2061, 2062, 2063, 2064, 2065, 2066, 2070, 2071, 2072, 2073, 2074, 2075,
    2076, 2077, 2078, 2079, 2080, 2090, 3001, 3002, 3003, 3004, 3010, 3011,
    3012, 3020, 3021, 3030, 4001, 4002, 4003, 4004, 4005, 4006, 4007, 4008,
    4009, 4010, 4011, 4012, 4050, 4051, 4052, 4053, 4054, 5001, 5002, 5020,
    5021, 5022, 5023, 5024,
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::PAGES;

    #[test]
    fn pages_have_the_shape_of_a_page() {
        for (code, page) in PAGES {
            assert!(page.starts_with(&format!("# MP{code}: ")), "{code}");
            assert!(page.contains("\nWhat to do: "), "{code}");
        }
    }

    /// Both directions: no code without a page, no page that nothing refers to.
    #[test]
    fn every_code_in_use_has_its_page() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut used = BTreeSet::new();
        for folder in ["src", "state/src", "providers"] {
            collect(&root.join(folder), &mut used);
        }
        let pages: BTreeSet<u16> = PAGES.iter().map(|(code, _)| *code).collect();
        let missing: Vec<_> = used.difference(&pages).collect();
        let unused: Vec<_> = pages.difference(&used).collect();
        assert!(missing.is_empty(), "codes without a page in docs/reference/errors: {missing:?}");
        assert!(unused.is_empty(), "pages of codes that nothing uses: {unused:?}");
    }

    fn collect(folder: &Path, used: &mut BTreeSet<u16>) {
        for entry in std::fs::read_dir(folder).expect("a folder of the source") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("tests") {
                collect(&path, used);
            } else if path.extension().is_some_and(|e| e == "rs") && !is_left_out(&path) {
                let text = std::fs::read_to_string(&path).expect("a source file");
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                used.extend(code.lines().filter(|l| !l.trim_start().starts_with("//")).flat_map(codes));
            }
        }
    }

    fn is_left_out(path: &Path) -> bool {
        path.ends_with("cli/pages.rs") || path.to_string_lossy().ends_with("tests.rs")
    }

    /// Numbers that can be codes and stand as arguments or values, not in a text.
    fn codes(line: &str) -> Vec<u16> {
        let outside: String = line.split('"').step_by(2).collect::<Vec<_>>().join(" ").replace("\\u{", "u");
        let tokens = outside.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let plain = tokens.filter(|n| n.len() == 4 && n.bytes().all(|b| b.is_ascii_digit()));
        plain.filter_map(|n| n.parse().ok()).filter(|n| is_code(*n)).collect()
    }

    /// The ranges that are given out; 1024, 4096, 5432, 2019 (the port of Caddy's admin interface) and
    /// years are other numbers.
    fn is_code(number: u16) -> bool {
        matches!(number, 1001..=1019 | 1090..=1499 | 2001..=2012 | 2020 | 2030..=2099 | 3001..=3099 | 4001..=4060 | 5001..=5099)
    }
}
