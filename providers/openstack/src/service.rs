use crate::microversion::Microversion;

/// A service of a cloud that is asked for things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Nova.
    Compute,
    /// Cinder.
    Volume,
    /// Neutron.
    Network,
    /// Glance.
    Image,
}

impl Service {
    /// Its name in `endpoints`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Volume => "volume",
            Self::Network => "network",
            Self::Image => "image",
        }
    }

    /// Its types in catalogues, the official one first (OpenStack Service Types Authority).
    pub fn types(self) -> &'static [&'static str] {
        match self {
            Self::Compute => &["compute"],
            Self::Volume => &["block-storage", "volumev3", "block-store"],
            Self::Network => &["network"],
            Self::Image => &["image"],
        }
    }

    /// The newest version that requests here are written for. Nova 2.46 is the last one that tells
    /// a flavour's id in a server; Cinder 3.42 is the first one that extends a volume in use.
    pub fn wanted(self) -> Option<Microversion> {
        match self {
            Self::Compute => Some(Microversion(2, 46)),
            Self::Volume => Some(Microversion(3, 42)),
            Self::Network | Self::Image => None,
        }
    }
}
