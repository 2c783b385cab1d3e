use mprov_sdk::Fault;

/// Why there is no reply that could be used.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// The request did not reach the server: it had no effect.
    Unsent(Fault),
    /// The request was sent, and whether it had an effect is not known.
    Lost(Fault),
    /// The server answered with a status that was not expected.
    Refused(u16, Fault),
    /// Nothing that asking again could change.
    Wrong(Fault),
}

impl Trouble {
    pub fn fault(self) -> Fault {
        match self {
            Self::Unsent(fault) | Self::Lost(fault) | Self::Refused(_, fault) | Self::Wrong(fault) => fault,
        }
    }

    /// Whether it may be over in a moment.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unsent(_) | Self::Lost(_) => true,
            Self::Refused(status, _) => *status >= 500 || *status == 429,
            Self::Wrong(_) => false,
        }
    }

    /// As the trouble of another request, which was not sent because of it.
    pub fn before(self) -> Self {
        match self {
            Self::Lost(fault) => Self::Unsent(fault),
            other => other,
        }
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Wrong(fault)
    }
}
