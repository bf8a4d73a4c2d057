//! What a request or response must be.

use regex::{Regex, RegexBuilder};

use super::{
    InvalidFilter,
    invalid::{all, any, each},
    subject::Subject,
};
use crate::hubble::flow::{CiliumEventType, Dns, FlowFilter, Http, HttpHeader, layer7::Record};

/// Largest compiled pattern: they come from readers.
const MAX_PATTERN: usize = 1 << 20;

/// The rules about layer 7.
#[derive(Clone, Debug)]
pub(super) struct Layer7Rules {
    query: Vec<Regex>,
    code: Vec<Code>,
    method: Vec<String>,
    path: Vec<Regex>,
    url: Vec<Regex>,
    header: Vec<HttpHeader>,
}

/// A status code, or what it begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Code {
    Exact(String),
    Prefix(String),
}

impl Layer7Rules {
    pub(super) fn compile(filter: &FlowFilter) -> Result<Self, InvalidFilter> {
        refuse_other_events(filter)?;
        let regex = |field, texts: &[String]| {
            each(field, texts, "a regular expression", |text| {
                RegexBuilder::new(text).size_limit(MAX_PATTERN).build().ok()
            })
        };
        Ok(Self {
            query: regex("dns_query", &filter.dns_query)?,
            code: each(
                "http_status_code",
                &filter.http_status_code,
                "a status such as 404, or a prefix such as 4+",
                |text| Code::parse(text),
            )?,
            method: all("http_method", &filter.http_method)?,
            path: regex("http_path", &filter.http_path)?,
            url: regex("http_url", &filter.http_url)?,
            header: all("http_header", &filter.http_header)?,
        })
    }

    pub(super) fn matches(&self, flow: &impl Subject) -> bool {
        let record = flow.layer7();
        let dns =
            |test: &dyn Fn(&Dns) -> bool| matches!(record, Some(Record::Dns(dns)) if test(dns));
        let http =
            |test: &dyn Fn(&Http) -> bool| matches!(record, Some(Record::Http(http)) if test(http));
        any(&self.query, |wanted| dns(&|dns| wanted.is_match(&dns.query)))
            && any(&self.code, |wanted| http(&|http| wanted.matches(http.code)))
            && any(&self.method, |wanted| http(&|http| http.method.eq_ignore_ascii_case(wanted)))
            && any(&self.path, |wanted| http(&|http| wanted.is_match(path(&http.url))))
            && any(&self.url, |wanted| http(&|http| wanted.is_match(&http.url)))
            && any(&self.header, |wanted| http(&|http| http.headers.contains(wanted)))
    }
}

/// A filter that asks for HTTP and for events that are never HTTP would silently match nothing.
fn refuse_other_events(filter: &FlowFilter) -> Result<(), InvalidFilter> {
    let fields = [
        ("http_status_code", filter.http_status_code.is_empty()),
        ("http_method", filter.http_method.is_empty()),
        ("http_path", filter.http_path.is_empty()),
        ("http_url", filter.http_url.is_empty()),
        ("http_header", filter.http_header.is_empty()),
    ];
    let kinds = &filter.event_type;
    let is_open = kinds.iter().any(|kind| matches!(kind.r#type, 0 | CiliumEventType::L7));
    match (fields.iter().find(|(_, empty)| !empty), kinds.first()) {
        (Some((field, _)), Some(kind)) if !is_open => {
            Err(InvalidFilter::NoHttp { field, kind: kind.r#type })
        }
        _ => Ok(()),
    }
}

/// Returns the path of a URL, with or without a host before it.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("", |at| &rest[at..]);
    path.split(['?', '#']).next().unwrap_or_default()
}

impl Code {
    fn parse(text: &str) -> Option<Self> {
        let (digits, is_prefix) = text.strip_suffix('+').map_or((text, false), |d| (d, true));
        let is_code = digits.starts_with(|c| ('1'..='5').contains(&c))
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        match (is_code, is_prefix, digits.len()) {
            (true, true, 1 | 2) => Some(Self::Prefix(digits.to_owned())),
            (true, false, 3) => Some(Self::Exact(digits.to_owned())),
            _ => None,
        }
    }

    /// Only responses have a code.
    fn matches(&self, code: u32) -> bool {
        code != 0
            && match self {
                Self::Exact(wanted) => code.to_string() == *wanted,
                Self::Prefix(wanted) => code.to_string().starts_with(wanted),
            }
    }
}
