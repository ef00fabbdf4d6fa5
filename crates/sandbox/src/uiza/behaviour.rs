//! How the simulated Uiza behaves where its documents and the fixtures of its SDKs differ.

/// Everything that can be chosen. [`Behaviour::set`] changes one of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// The body that a logout gets; `None`: A under v3 and C under v4.
    pub body: Option<LogoutBody>,
    /// What retrieving one user gives: the documents show an array, fixtures an object.
    pub retrieve: Retrieve,
    /// The largest `limit` that is heeded; `None`: any.
    pub page_cap: Option<usize>,
    /// Whether errors carry a `description_link`, which the SDKs give their callers and no captured error has.
    pub link: bool,
}

/// The bodies that a logout has been seen to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoutBody {
    /// As in the documents of v3: `message` is `OK`, and `data.message` says it.
    A,
    /// As in the Go SDK's fixture of v3: `message`, `code` and `type` alone.
    B,
    /// As in fixtures of v4: `message` says it, and `data.message` is `success`.
    C,
}

/// What retrieving one user gives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Retrieve {
    /// An array of one.
    #[default]
    Array,
    /// The user himself.
    Object,
}

/// One thing to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the field of `Behaviour` with its name")]
pub enum Setting {
    Body(LogoutBody),
    Retrieve(Retrieve),
    PageCap(usize),
    Link(bool),
}

impl Behaviour {
    /// Changes one thing.
    pub fn set(&mut self, setting: Setting) {
        match setting {
            Setting::Body(body) => self.body = Some(body),
            Setting::Retrieve(retrieve) => self.retrieve = retrieve,
            Setting::PageCap(cap) => self.page_cap = Some(cap.max(1)),
            Setting::Link(link) => self.link = link,
        }
    }
}

impl Setting {
    /// Its name among the faults.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Body(_) => "uiza_body",
            Self::Retrieve(_) => "uiza_retrieve",
            Self::PageCap(_) => "uiza_page_cap",
            Self::Link(_) => "uiza_link",
        }
    }
}
