//! What Finesse says when it says no, and what that means for an operation.
//!
//! Sources: developer guide, "Cisco Finesse API Errors" and "User API Errors". The words of the vendor are
//! kept as they came.

use signoff_core::{Failure, Field, Finished, Outcome, Response, xml};

/// An error answer: `<ApiErrors><ApiError><ErrorType>…`, or one that says nothing that we can read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VendorError {
    pub(crate) status: u16,
    /// `ErrorType`, such as `Invalid State`.
    pub(crate) kind: Option<String>,
    /// `ErrorMessage`.
    pub(crate) message: Option<String>,
    /// `ErrorData`: what it is about.
    data: Option<String>,
    /// What the switch behind Finesse says: `peripheralErrorCode` and its like.
    peripheral: Vec<Field>,
}

impl VendorError {
    /// Reads an answer that is not a success.
    pub(crate) fn read(response: &Response<'_>) -> Self {
        let mut this = Self {
            status: response.status,
            kind: None,
            message: None,
            data: None,
            peripheral: Vec::new(),
        };
        let Ok(root) = xml::parse(response.body) else {
            return this;
        };
        let Some(error) = root.is("ApiErrors").then(|| root.child("ApiError")).flatten() else {
            return this;
        };
        let text = |name: &str| error.child_text(name).map(str::to_owned);
        this.kind = text("ErrorType");
        this.message = text("ErrorMessage");
        this.data = text("ErrorData");
        this.peripheral = [
            ("peripheral_error_code", "peripheralErrorCode"),
            ("peripheral_error_message", "peripheralErrorMsg"),
            ("peripheral_error_text", "peripheralErrorText"),
        ]
        .into_iter()
        .filter_map(|(name, element)| Some(Field::new(name, text(element)?)))
        .collect();
        this
    }

    /// Whether `ErrorType` is this, in whatever letter case.
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind
            .as_deref()
            .is_some_and(|own| own.eq_ignore_ascii_case(kind))
    }

    /// What it means for an operation whose request was not carried out.
    pub(crate) fn outcome(&self) -> Outcome {
        const TABLE: &[(&str, Outcome)] = &[
            ("Invalid Supervisor", Outcome::Refused),
            ("Invalid Authorization User Specified", Outcome::Refused),
            ("Invalid State", Outcome::Refused),
            ("Invalid Input", Outcome::Refused),
            ("Invalid Device", Outcome::Refused),
            ("Device Busy", Outcome::Refused),
            ("Mode Not Allowed", Outcome::Refused),
            ("Not Found", Outcome::NotFound),
            ("User Not Found", Outcome::NotFound),
            ("Bad Request", Outcome::Failed),
            ("Parameter Missing", Outcome::Failed),
            ("Generic Error", Outcome::Failed),
            ("Call Operation Failure", Outcome::Failed),
            ("Internal Server Error", Outcome::Failed),
            ("Service Unavailable", Outcome::Failed),
            ("Authorization Failure", Outcome::Denied),
            ("Authentication Failure", Outcome::Denied),
            ("Unauthorized", Outcome::Denied),
        ];
        let by_kind = TABLE.iter().find(|(kind, _)| self.is(kind));
        match (by_kind, self.status) {
            (Some((_, outcome)), _) => *outcome,
            (None, 401 | 403) => Outcome::Denied,
            (None, 404) => Outcome::NotFound,
            (None, _) => Outcome::Failed,
        }
    }

    /// The end of an operation with this outcome and the vendor's words.
    pub(crate) fn finished(&self, outcome: Outcome) -> Finished {
        let mut finished = Finished::new(outcome);
        finished.code = Some(match &self.kind {
            Some(kind) => kind.clone(),
            None => format!("http_{}", self.status),
        });
        finished.message = match (&self.message, &self.kind) {
            (Some(message), _) => Some(message.clone()),
            (None, Some(_)) => None,
            (None, None) => Some(format!(
                "status {} without an error that can be read; is this a Finesse server?",
                self.status
            )),
        };
        finished.fields = self.details();
        finished
    }

    /// What has no place in code and message.
    pub(crate) fn details(&self) -> Vec<Field> {
        let data = self
            .data
            .as_ref()
            .map(|data| Field::new("error_data", data.as_str()));
        data.into_iter().chain(self.peripheral.iter().cloned()).collect()
    }
}

/// The end of an operation of ours, with a code and a message of ours.
pub(crate) fn ended(outcome: Outcome, code: &str, message: impl Into<String>) -> Finished {
    Finished::with(outcome, code, message)
}

/// The end of an operation because no answer came.
pub(crate) fn unanswered(outcome: Outcome, failure: &Failure<'_>) -> Finished {
    ended(outcome, failure.kind.name(), failure.message)
}

#[cfg(test)]
mod tests {
    use signoff_core::{Monotonic, Outcome, RequestId, Response};

    use super::VendorError;

    fn read(status: u16, body: &str) -> VendorError {
        VendorError::read(&Response {
            request: RequestId(1),
            status,
            headers: &[],
            body: body.as_bytes(),
            sent: Monotonic::ZERO,
            sent_unix_ms: 0,
            settled_at: Monotonic::ZERO,
        })
    }

    #[test]
    fn every_type_has_its_outcome() {
        for (status, kind, outcome) in [
            (400, "Bad Request", Outcome::Failed),
            (400, "Generic Error", Outcome::Failed),
            (400, "Invalid Input", Outcome::Refused),
            (400, "Invalid State", Outcome::Refused),
            (400, "Parameter Missing", Outcome::Failed),
            (401, "Authorization Failure", Outcome::Denied),
            (401, "Authentication Failure", Outcome::Denied),
            (401, "Unauthorized", Outcome::Denied),
            (401, "Invalid Authorization User Specified", Outcome::Refused),
            (401, "Invalid State", Outcome::Refused),
            (401, "Invalid Supervisor", Outcome::Refused),
            (404, "Not Found", Outcome::NotFound),
            (404, "User Not Found", Outcome::NotFound),
            (500, "Internal Server Error", Outcome::Failed),
            (503, "Service Unavailable", Outcome::Failed),
        ] {
            let body = format!("<ApiErrors><ApiError><ErrorType>{kind}</ErrorType></ApiError></ApiErrors>");
            assert_eq!(read(status, &body).outcome(), outcome, "{status} {kind}");
        }
        for (status, outcome) in [
            (400, Outcome::Failed),
            (401, Outcome::Denied),
            (403, Outcome::Denied),
            (404, Outcome::NotFound),
            (409, Outcome::Failed),
            (500, Outcome::Failed),
            (503, Outcome::Failed),
        ] {
            assert_eq!(
                read(status, "<html><body>no</body></html>").outcome(),
                outcome,
                "{status}"
            );
        }
    }

    #[test]
    fn order_case_and_gaps_do_no_harm() {
        let error = read(
            400,
            "<apiErrors xmlns='urn:x'><apiError><errorMessage>CF_INVALID_OBJECT_STATE</errorMessage>\
             <errorData>22</errorData><errorType>invalid state</errorType>\
             <peripheralErrorCode>10125</peripheralErrorCode></apiError></apiErrors>",
        );
        assert!(error.is("Invalid State"));
        assert_eq!(error.message.as_deref(), Some("CF_INVALID_OBJECT_STATE"));
        assert_eq!(error.details().len(), 2);
        let error = read(
            503,
            "<ApiErrors><ApiError><ErrorType>Service Unavailable</ErrorType><ErrorData/></ApiError></ApiErrors>",
        );
        assert_eq!(error.details(), []);
    }
}
