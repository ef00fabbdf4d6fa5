//! Who has an account at the simulated ZAP. The people of the demo, and their device tokens, are the same for ever: they
//! stand in `scripts/people/zap_users.csv`.

use crate::random::Random;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// 24 hexadecimal digits, as MongoDB makes them.
    pub id: String,
    /// What people call him.
    pub name: String,
    /// Names him at a login.
    pub email: String,
    /// Names him too.
    pub username: String,
    /// And so does this, with `+`.
    pub phone: String,
    /// The password.
    pub password: String,
    /// What he may do.
    pub role: Role,
    /// Whether his logins need a second factor.
    pub two_factor: bool,
    /// Whether he is signed in on the web platform at the start.
    pub web: bool,
    /// The tokens of the devices that he is signed in on at the start.
    pub devices: Vec<String>,
    /// When the account was made, `YYYY-MM-DD`.
    pub created: String,
}

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything, among which `users:write`: the documents' Site Admin.
    Administrator,
    /// `users:read`: sees everybody and changes nobody.
    Support,
    /// Sees himself and logs himself out.
    Customer,
}

impl Role {
    /// The id of the role, as in `roleId`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Administrator => "63c0f7a1b2c3d4e5f6a70001",
            Self::Support => "63c0f7a1b2c3d4e5f6a70002",
            Self::Customer => "63c0f7a1b2c3d4e5f6a70003",
        }
    }
}

impl User {
    /// A customer with this number, from 1: signed in on the web and on so many devices. His email is
    /// `USERNAME@zap.example`, his password `USERNAME-password`.
    #[must_use]
    pub fn numbered(number: usize, username: impl Into<String>, devices: usize) -> Self {
        let username = username.into();
        let mut random = random(number, 0);
        let day = 1 + number % 28;
        Self {
            id: format!(
                "{:08x}{:010x}{number:06x}",
                0x63d1_b2c0 + number,
                random.next() >> 24
            ),
            name: format!("Customer {number}"),
            email: format!("{username}@zap.example"),
            phone: format!("+23480{number:08}"),
            password: format!("{username}-password"),
            role: Role::Customer,
            two_factor: false,
            web: true,
            devices: (1..=devices).map(|device| device_token(number, device)).collect(),
            created: format!("2023-01-{day:02}"),
            username,
        }
    }

    /// The same with this name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same with this role.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// The same, not signed in on the web.
    #[must_use]
    pub fn not_on_the_web(mut self) -> Self {
        self.web = false;
        self
    }

    /// The same, whose logins need a second factor.
    #[must_use]
    pub fn with_two_factor(mut self) -> Self {
        self.two_factor = true;
        self
    }
}

/// An administrator, `admin@zap.example`, who is not signed in anywhere, and so many customers, each on the web and on
/// one device.
#[must_use]
pub fn people(customers: usize) -> Vec<User> {
    let customers = (1..=customers).map(|number| User::numbered(number, format!("customer{number}"), 1));
    std::iter::once(administrator()).chain(customers).collect()
}

/// Twelve accounts: an administrator, one of the support staff, one with a second factor, customers with none, one and
/// two devices, on the web and not, and names that are hard on a client.
#[must_use]
pub fn demo() -> Vec<User> {
    vec![
        administrator(),
        User::numbered(1, "adaeze", 1).named("Adaeze Okonkwo"),
        User::numbered(2, "bob", 1).named("Bob \"Bobby\" O'Brien, Jr."),
        User::numbered(3, "chidi", 2).named("Chidi Anagonye"),
        User::numbered(4, "dewale", 0).named("Déwálé Adéyemí"),
        User::numbered(5, "efua", 1).named("Efua; DROP").not_on_the_web(),
        User::numbered(6, "femi", 0).named("Femi Kuti").not_on_the_web(),
        User::numbered(7, "grace", 2).named("Grace <script>"),
        User::numbered(8, "hana", 1).named("花子"),
        User::numbered(9, "ibrahim", 1).named("إبراهيم").with_two_factor(),
        User::numbered(10, "jide", 1).named("=Jide+1"),
        User::numbered(11, "kemi", 0)
            .named("Kemi Support")
            .role(Role::Support),
    ]
}

fn administrator() -> User {
    User::numbered(0, "admin", 0)
        .named("Site Admin")
        .role(Role::Administrator)
        .not_on_the_web()
}

/// A registration token of Firebase's form: 22 characters, a colon, `APA91b` and 134 more.
fn device_token(user: usize, device: usize) -> String {
    const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut random = random(user, device);
    let mut some = |count: usize| -> String {
        let characters = (0..count).map(|_| usize::try_from(random.below(64)).unwrap_or_default());
        characters.map(|index| char::from(CHARACTERS[index])).collect()
    };
    format!("{}:APA91b{}", some(22), some(134))
}

/// The same for ever, whatever the seed of the sandbox.
fn random(user: usize, device: usize) -> Random {
    Random::new(u64::try_from(user * 1_000 + device).unwrap_or_default())
}
