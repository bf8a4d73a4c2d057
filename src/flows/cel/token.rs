//! Words of an expression.

use std::fmt;

use super::{
    invalid::{InvalidExpression, Problem},
    literal::{self, Literal},
};

/// One word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Literal(Literal),
    /// An operator or a bracket.
    Symbol(&'static str),
    End,
}

/// A word and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spot {
    pub(super) token: Token,
    pub(super) at: usize,
}

/// Longer ones first.
const SYMBOLS: [&str; 25] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",",
    "(", ")", "[", "]", "{", "}", "=",
];

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name}"),
            Self::Literal(_) => write!(f, "a value"),
            Self::Symbol(symbol) => write!(f, "{symbol:?}"),
            Self::End => write!(f, "the end"),
        }
    }
}

/// Splits an expression; the last word is its end.
pub(super) fn split(text: &str) -> Result<Vec<Spot>, InvalidExpression> {
    let text: Vec<char> = text.chars().collect();
    let mut spots = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest[0].is_whitespace() {
            at += 1;
            continue;
        }
        if rest.starts_with(&['/', '/']) {
            at += rest.iter().take_while(|c| **c != '\n').count();
            continue;
        }
        let (token, length) = next(rest).map_err(|problem| problem.at(at))?;
        spots.push(Spot { token, at });
        at += length;
    }
    spots.push(Spot { token: Token::End, at });
    Ok(spots)
}

fn next(rest: &[char]) -> Result<(Token, usize), Problem> {
    if let Some((literal, length)) = literal::text(rest)? {
        return Ok((Token::Literal(literal), length));
    }
    let is_number = rest[0].is_ascii_digit()
        || (rest[0] == '.' && rest.get(1).is_some_and(char::is_ascii_digit));
    if is_number {
        let (literal, length) = literal::number(rest)?;
        return Ok((Token::Literal(literal), length));
    }
    let length = rest.iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').count();
    if length > 0 {
        let name: String = rest[..length].iter().collect();
        return Ok((word(name), length));
    }
    let symbol =
        SYMBOLS.iter().find(|symbol| symbol.chars().eq(rest.iter().copied().take(symbol.len())));
    match symbol {
        Some(symbol) => Ok((Token::Symbol(symbol), symbol.len())),
        None => {
            Err(Problem::Unexpected { found: format!("{:?}", rest[0]), wanted: "an expression" })
        }
    }
}

fn word(name: String) -> Token {
    match name.as_str() {
        "true" => Token::Literal(Literal::Bool(true)),
        "false" => Token::Literal(Literal::Bool(false)),
        "null" => Token::Literal(Literal::Null),
        "in" => Token::Symbol("in"),
        _ => Token::Name(name),
    }
}
