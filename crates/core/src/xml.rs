//! A bounded reader of XML documents from services that are not trusted.
