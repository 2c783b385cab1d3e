use std::path::PathBuf;

/// What the surroundings say of an account: the one place that looks at the process's environment.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: Vec<(String, String)>,
    home: Option<PathBuf>,
    config_home: Option<PathBuf>,
}

impl Environment {
    /// The variables whose names begin with `OS_`, and where the user keeps configuration.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, value)| name.starts_with("OS_") && !value.is_empty())
            .collect();
        let folder = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        Self { variables, home: folder("HOME"), config_home: folder("XDG_CONFIG_HOME") }
    }

    #[cfg(test)]
    pub fn of_variables(variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Self { variables, ..Self::default() }
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Where `clouds.yaml` may lie, the first one that exists counts: `OS_CLIENT_CONFIG_FILE`, this
    /// folder, the user's configuration, the machine's (openstacksdk, "Configuring OpenStack SDK
    /// Applications").
    pub fn cloud_files(&self) -> Vec<PathBuf> {
        if let Some(file) = self.get("OS_CLIENT_CONFIG_FILE") {
            return vec![PathBuf::from(file)];
        }
        self.candidates("clouds")
    }

    /// The same for `secure.yaml`, whose secrets are laid over those of `clouds.yaml`.
    pub fn secret_files(&self) -> Vec<PathBuf> {
        if let Some(file) = self.get("OS_CLIENT_SECURE_FILE") {
            return vec![PathBuf::from(file)];
        }
        self.candidates("secure")
    }

    fn candidates(&self, stem: &str) -> Vec<PathBuf> {
        let user = self.config_home.clone().or_else(|| self.home.as_ref().map(|h| h.join(".config")));
        let folders =
            [Some(PathBuf::from(".")), user.map(|u| u.join("openstack")), Some("/etc/openstack".into())];
        let with_endings =
            |folder: PathBuf| ["yaml", "yml"].map(|ending| folder.join(format!("{stem}.{ending}")));
        folders.into_iter().flatten().flat_map(with_endings).collect()
    }
}
