//! Whatever is wrong around a secret, it is not shown.

use super::settings;

const CANARY: &str = "c4nary1";

/// What is said of a configuration with this in its credential.
fn told(credential: &str) -> String {
    all_told(&format!(
        "[connections.a]\nprovider = \"zap\"\napi = \"https://a.example.com\"\ncredential = \"c\"\n\n[credentials.c]\n{credential}\n"
    ))
}

fn all_told(text: &str) -> String {
    match settings(text) {
        Ok(_) => String::new(),
        Err(errors) => format!("{errors}\n{errors:?}"),
    }
}

#[test]
fn no_mistake_of_a_credential_shows_what_stands_there() {
    let mistakes = [
        "pasword = \"c4nary1\"",
        "username = \"c4nary1\"\npass = \"c4nary1\"",
        "passwd = \"c4nary1\"",
        "passphrase = 'c4nary1'",
        "Password = \"c4nary1\" # c4nary1",
        "\"password\" = \"c4nary1\"",
        "tokn = \"c4nary1\"",
        "client_secrte = \"c4nary1\"",
        "pasword = \"\\\"c4nary1\"",
        "pasword = [\"c4nary1\", 'c4nary1']",
        "pasword = \"\"\"\nc4nary1\"\"\"",
        "pasword = \"\"\"\n[connections.b]\nc4nary1\"\"\"\ntokn = 1",
        "password \"c4nary1\"",
        "password = c4nary1",
        "password = \"c4nary1",
        "password = \"c4nary1\" \"c4nary1\"",
        "password : \"c4nary1\"",
        "c4nary1",
        "password = { value = \"c4nary1\" }",
        "password = { value.x = \"c4nary1\" }",
        "password = { text = \"c4nary1\", env = \"PW\" }",
        "password = { prompt = \"c4nary1\" }",
        "password = { command = \"echo c4nary1\" }",
        "password = { command = [1, \"c4nary1\"] }",
        "password = { env = \"c4nary1\", file = \"c4nary1\" }",
        "password = { keyring = \"c4nary1\" }",
        "password = \"c4nary1\"",
        "token = \"c4nary1\"\nkey = \"c4nary1\"",
        "oauth = \"c4nary1\"",
        "client_secret = { env = \"S\" }\nclient_id = \"c\"\noauth = { token_url = \"https://a/?c4nary1\", client_authentication = \"c4nary1\" }",
        "client_secret = { env = \"S\" }\nclient_id = \"c\"\noauth = { token_url = \"https://me:c4nary1@a/\", scop = \"c4nary1\" }",
        "login = { c4nary = \"c4nary1\" }",
        "username = \"u\"\npassword = { env = \"P\" }\nlogin_fields = { code = \"c4nary1\" }",
        "username = \"u\"\npassword = { env = \"P\" }\nlogin_fields = \"c4nary1\"",
    ];
    for mistake in mistakes {
        let told = told(mistake);
        assert!(told.contains("signoff.toml"), "nothing is said of {mistake}");
        assert!(!told.contains(CANARY), "{mistake}: {told}");
    }
}

#[test]
fn no_mistake_elsewhere_shows_one() {
    let connection = "[connections.a]\nprovider = \"zap\"\n";
    let mistakes = [
        "[credentials]\nc = \"c4nary1\"",
        "credentials = \"c4nary1\"",
        "credentials.c.pasword = \"c4nary1\"",
        "credentials = { c = { pasword = \"c4nary1\" } }",
        "[credential.c]\npasword \"c4nary1\"",
        "[Credentials.c]\npassword = \"c4nary1\"",
        "pasword = \"c4nary1\"",
        "[connections.a]\nprovider = \"zap\"\napi = [\"https://h/?token=c4nary1\"]",
        "[connections.a]\nprovider = \"zap\"\napi = [\"h/#c4nary1\"]",
        "[connections.a]\nprovider = \"zap\"\napi = [\"https://:?c4nary1\", \"ftp://h/?c4nary1\"]",
        "[connections.a]\nprovider = \"zap\"\napi = [\"https://me:c4nary1@h\"]",
        "[connections.a]\nprovider = \"zap\"\nproxy = \"http://h/?c4nary1\"",
        "[connections.a]\nprovider = \"zap\"\nfeed = { address = \"wss://h/?c4nary1\" }",
        "[connections.a]\nprovider = \"zap\"\nfeed = { address = \"wss://me:c4nary1@h/\" }",
        "[connections.a]\nprovider = \"zap\"\npasword = \"c4nary1\"",
        "[connections.a]\nprovider = \"zap\"\nPASSWORD \"c4nary1\"",
        "[connections.a]\nprovider = \"zap\"\noptions = { tokn = \"c4nary1\" }",
        "[connections]\na = { provider = \"zap\", rate = \"x\", pasword = \"c4nary1\" }",
    ];
    for mistake in mistakes {
        for text in [mistake.to_owned(), format!("{mistake}\n{connection}")] {
            let told = all_told(&text);
            assert!(told.contains("signoff.toml"), "nothing is said of {text}");
            assert!(!told.contains(CANARY), "{text}: {told}");
        }
    }
}
