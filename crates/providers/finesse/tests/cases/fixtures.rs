//! What Finesse answers, made for the cases.

use std::fmt::Write as _;

use signoff_core::testing::Setup;
use signoff_finesse::DESCRIPTOR;

/// The supervisor `sup01` logs this user out; his state is to prove it.
pub(crate) fn logout(user: &str) -> Setup {
    Setup::new(&DESCRIPTOR, "logout", "sup01")
        .user(user)
        .with("confirm", "status")
}

/// The agent `1001` signs out; his state is to prove it.
pub(crate) fn sign_out() -> Setup {
    Setup::new(&DESCRIPTOR, "logout", "1001")
        .user("1001")
        .on_self()
        .with("confirm", "status")
}

/// Another operation of the supervisor.
pub(crate) fn operation(name: &str) -> Setup {
    Setup::new(&DESCRIPTOR, name, "sup01")
}

/// The supervisor's own object: teams 2 and 3.
pub(crate) fn supervisor() -> String {
    own(
        "sup01",
        "NOT_READY",
        &["Agent", "Supervisor"],
        &[("2", "Sales"), ("3", "Support")],
    )
}

/// The object of an agent without teams.
pub(crate) fn agent(id: &str, state: &str) -> String {
    own(id, state, &["Agent"], &[])
}

/// A User object.
pub(crate) fn own(id: &str, state: &str, roles: &[&str], teams: &[(&str, &str)]) -> String {
    let roles: String = roles.iter().map(|role| format!("<role>{role}</role>")).collect();
    let teams: String = teams
        .iter()
        .map(|(id, name)| {
            format!("<Team><id>{id}</id><name>{name}</name><uri>/finesse/api/Team/{id}</uri></Team>")
        })
        .collect();
    format!(
        "<User><dialogs>/finesse/api/User/{id}/Dialogs</dialogs><extension>4001</extension><firstName>Jane</firstName>\
         <lastName>Doe</lastName><loginId>{id}</loginId><loginName>name-{id}</loginName><mediaType>1</mediaType>\
         <pendingState></pendingState><reasonCodeId>-1</reasonCodeId><roles>{roles}</roles>\
         <settings><wrapUpOnIncoming></wrapUpOnIncoming></settings><state>{state}</state>\
         <stateChangeTime>2025-12-31T23:50:00.000Z</stateChangeTime><teamId>2</teamId><teamName>Sales</teamName>\
         <teams>{teams}</teams><uri>/finesse/api/User/{id}</uri></User>"
    )
}

/// The Team object 2 with the supervisor and these members: id and state.
pub(crate) fn team(members: &[(&str, &str)]) -> String {
    let members: Vec<(&str, &str, &str, &str)> = members
        .iter()
        .map(|(id, state)| (*id, *state, "", "2025-12-31T23:50:00.000Z"))
        .collect();
    team_of(&members)
}

/// The same with id, state, pending state and the time since when.
pub(crate) fn team_of(members: &[(&str, &str, &str, &str)]) -> String {
    let mut users = String::new();
    for (id, state, pending, since) in [("sup01", "NOT_READY", "", "2025-12-31T23:00:00.000Z")]
        .iter()
        .chain(members)
    {
        let _ = write!(
            users,
            "<User><dialogs>/finesse/api/User/{id}/Dialogs</dialogs><extension>4002</extension>\
             <firstName>Pat</firstName><lastName>O&apos;Neil &amp; Co</lastName><loginId>{id}</loginId>\
             <mediaType>1</mediaType><pendingState>{pending}</pendingState><state>{state}</state>\
             <stateChangeTime>{since}</stateChangeTime><uri>/finesse/api/User/{id}</uri></User>"
        );
    }
    format!("<Team><id>2</id><name>Sales</name><uri>/finesse/api/Team/2</uri><users>{users}</users></Team>")
}

/// Another Team object, with one member who is on no other team.
pub(crate) fn other_team() -> String {
    team(&[("1999", "READY")]).replace("<id>2</id><name>Sales</name>", "<id>3</id><name>Support</name>")
}

/// An error answer.
pub(crate) fn error(kind: &str, data: &str, message: &str) -> String {
    format!(
        "<ApiErrors><ApiError><ErrorType>{kind}</ErrorType><ErrorData>{data}</ErrorData>\
         <ErrorMessage>{message}</ErrorMessage></ApiError></ApiErrors>"
    )
}

/// A notification of a user's state, as a payload is.
pub(crate) fn update(user: &str, state: &str, pending: &str, since: &str, request_id: &str) -> String {
    format!(
        "<Update><data><user><dialogs>/finesse/api/User/{user}/Dialogs</dialogs><extension></extension>\
         <firstName>Pat</firstName><lastName>O&apos;Neil &amp; Co</lastName><loginId>{user}</loginId>\
         <mediaType>1</mediaType><pendingState>{pending}</pendingState><state>{state}</state>\
         <stateChangeTime>{since}</stateChangeTime><uri>/finesse/api/User/{user}</uri></user></data>\
         <event>PUT</event><requestId>{request_id}</requestId><source>/finesse/api/User/{user}</source></Update>"
    )
}

/// A notification that a request failed in the switch.
pub(crate) fn failure(user: &str, code: &str, message: &str, request_id: &str) -> String {
    format!(
        "<Update><data><apiErrors><apiError><errorData>{code}</errorData><errorMessage>{message}</errorMessage>\
         <errorType>Invalid State</errorType></apiError></apiErrors></data><requestId>{request_id}</requestId>\
         <source>/finesse/api/User/{user}</source><event>put</event></Update>"
    )
}

/// What Finesse runs on.
pub(crate) fn system_info(deployment: &str, status: &str) -> String {
    format!(
        "<SystemInfo><currentTimestamp>2026-01-01T00:00:00.000Z</currentTimestamp>\
         <deploymentType>{deployment}</deploymentType><license>Premium</license><peripheralId></peripheralId>\
         <primaryNode><host>finesse-a.example.com</host></primaryNode><secondaryNode><host></host></secondaryNode>\
         <status>{status}</status><systemAuthMode>NON_SSO</systemAuthMode><timezoneOffset>0</timezoneOffset>\
         <uri>/finesse/api/SystemInfo</uri><xmppDomain>example.com</xmppDomain>\
         <xmppPubSubDomain>pubsub.example.com</xmppPubSubDomain></SystemInfo>"
    )
}
