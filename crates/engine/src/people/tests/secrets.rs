//! Columns that hold secrets.

use super::*;

#[test]
fn secrets_are_kept_and_not_shown() {
    let marked = PeopleSettings {
        secret_attributes: vec!["device_token".to_owned()],
        secret_columns: vec!["PIN".to_owned()],
        ..PeopleSettings::default()
    };
    reads_with(
        "id,Device Token,pin,note\n1,abc,77,x\n2,,,\n",
        &marked,
        expect![[r#"
            1: device_token=secret(abc) pin=secret(77) note="x"
            2:
        "#]],
    );
    let mapped = PeopleSettings {
        map: vec![("device_token".to_owned(), "fcm".to_owned())],
        secret_columns: Vec::new(),
        ..marked
    };
    reads_with(
        "{\"id\":\"1\",\"fcm\":[\"abc\",\"def\"]}\n{\"id\":\"2\",\"fcm\":\"abc\"}\n",
        &mapped,
        expect![[r#"
            1: device_token=[secret(abc), secret(def)]
            2: device_token=secret(abc)
        "#]],
    );
}

#[test]
fn a_secret_that_no_column_holds() {
    let settings = |attribute: &str| PeopleSettings {
        map: vec![(attribute.to_owned(), "fcm".to_owned())],
        secret_attributes: vec!["device_token".to_owned()],
        needs_keys: true,
        ..PeopleSettings::default()
    };
    refuses(
        b"id,fcm\n1,abc\n",
        &settings("device_tokn"),
        expect![[r#"
        people.csv:1: a column is mapped to `device_tokn`, and none to `device_token`
        help: did you mean `device_token`?
    "#]],
    );
    refuses(
        b"{\"id\":\"1\",\"fcm\":\"abc\"}\n",
        &settings("device_tokn"),
        expect![[r#"
            people.csv: a column is mapped to `device_tokn`, and none to `device_token`
            help: did you mean `device_token`?
        "#]],
    );
    reads_with(
        "id,fcm\n1,abc\n",
        &settings("Device Token"),
        expect![[r#"
        1: device_token=secret(abc)
    "#]],
    );
    reads_with(
        "id,fcm,device_token\n1,abc,def\n",
        &settings("device"),
        expect![[r#"
        1: device="abc" device_token=secret(def)
    "#]],
    );
    let unmapped = PeopleSettings {
        map: Vec::new(),
        ..settings("")
    };
    reads_with(
        "id,device_tokn\n1,abc\n",
        &unmapped,
        expect![[r#"
        1: device_tokn="abc"
        note: no column is called `device_token`, so nobody has one; did you mean `device_tokn`?
    "#]],
    );
    reads_with(
        "id,fcm\n1,abc\n",
        &unmapped,
        expect![[r#"
        1: fcm="abc"
    "#]],
    );
}

#[test]
fn ids_are_no_secrets() {
    let settings = PeopleSettings {
        secret_columns: vec!["Login".to_owned()],
        id_column: Some("login".to_owned()),
        ..PeopleSettings::default()
    };
    refuses(
        b"login,name\n1,Ann\n",
        &settings,
        expect![[r#"
        people.csv:1: the column `login` holds the ids, and ids are no secrets: they are shown and recorded
        help: name the columns of secrets alone: --secret-column NAME
    "#]],
    );
    refuses(
        b"{\"login\":\"1\"}\n",
        &settings,
        expect![[r#"
        people.csv: the column `login` holds the ids, and ids are no secrets: they are shown and recorded
        help: name the columns of secrets alone: --secret-column NAME
    "#]],
    );
}

#[test]
fn a_key_is_one_users_own() {
    let settings = PeopleSettings {
        secret_attributes: vec!["key".to_owned()],
        keys: vec!["key".to_owned()],
        needs_keys: true,
        ..PeopleSettings::default()
    };
    refuses(
        b"id,key\nann,k1\nbob,k2\ncy,k1\nbob,k2\ndee,\nbob,k3\n",
        &settings,
        expect![[r#"
            people.csv:6: row 5: `dee` has no `key`, and each user needs his own
            people.csv:7: row 6: `bob` has another `key` than in line 3
            people.csv:4: row 3: `cy` has the same `key` as `ann` in line 2, and a logout ends the sessions of whoever owns it: one of the two is not who would be logged out
            help: put it into the row, or leave the row out
            help: leave the row out whose key is not his, or no longer
            help: give each user the key that is his own
        "#]],
    );
    refuses(
        b"id,token\nann,k1\n",
        &settings,
        expect![[r#"
            people.csv:1: no column is called `key`, and each user needs his own
            help: say which column holds it: --map key=COLUMN
        "#]],
    );
    reads_with(
        "id,key\nann,k1\nann,k1\n",
        &settings,
        expect![[r#"
            ann: key=secret(k1)
        "#]],
    );
}
