//! Who has a key of the simulated Uiza. The people of the demo, and their keys, are the same for ever: they stand in
//! `scripts/people/uiza_keys.csv`.

use crate::random::Random;

/// An account of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// A UUID.
    pub id: String,
    /// Names him at a login.
    pub username: String,
    /// His email.
    pub email: String,
    /// The password.
    pub password: String,
    /// Whether he sees everybody, or himself alone.
    pub admin: bool,
    /// The key that he has at the start, such as `uap-7442d4b99eb349b1bb678614e64cf064-1405ee51`; it logs him out.
    pub key: String,
    /// When the account was made, `YYYY-MM-DD`.
    pub created: String,
}

impl User {
    /// A user with this number, from 1. His password is `USERNAME-password`.
    #[must_use]
    pub fn numbered(number: usize, username: impl Into<String>) -> Self {
        let username = username.into();
        // The same for ever, whatever the seed of the sandbox.
        let mut random = Random::new(0x0001_0000 + u64::try_from(number).unwrap_or_default());
        let day = 1 + number % 28;
        Self {
            id: uuid(&mut random),
            email: format!("{username}@uiza.example"),
            password: format!("{username}-password"),
            admin: false,
            key: key(&mut random),
            created: format!("2018-06-{day:02}"),
            username,
        }
    }

    /// The same as an administrator of the workspace.
    #[must_use]
    pub fn admin(mut self) -> Self {
        self.admin = true;
        self
    }
}

/// An administrator, `admin`, and so many users, each with a key.
#[must_use]
pub fn people(users: usize) -> Vec<User> {
    let users = (1..=users).map(|number| User::numbered(number, format!("user{number}")));
    std::iter::once(User::numbered(0, "admin").admin())
        .chain(users)
        .collect()
}

/// Eight accounts: an administrator and seven users.
#[must_use]
pub fn demo() -> Vec<User> {
    let users = ["an.nguyen", "binh", "chi", "dung", "em+test", "phuong", "quân"];
    let users = users.into_iter().enumerate();
    std::iter::once(User::numbered(0, "admin").admin())
        .chain(users.map(|(index, username)| User::numbered(index + 1, username)))
        .collect()
}

/// A random UUID, version 4.
pub(super) fn uuid(random: &mut Random) -> String {
    let (high, low) = (random.next(), random.next());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 50),
        low & 0xffff_ffff_ffff
    )
}

/// A key of the documented form.
pub(super) fn key(random: &mut Random) -> String {
    format!(
        "uap-{:016x}{:016x}-{:08x}",
        random.next(),
        random.next(),
        random.next() >> 32
    )
}
