//! Values as they are written.

use super::invalid::Problem;

/// A value in an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    /// Without its sign, so that the smallest number can be written.
    Int(u64),
    Uint(u64),
    Double(f64),
    Text(String),
}

/// Reads a number with its suffix, and returns its length.
pub(super) fn number(rest: &[char]) -> Result<(Literal, usize), Problem> {
    let digits =
        |from: usize, is: fn(&char) -> bool| rest[from..].iter().take_while(|c| is(c)).count();
    let is_hex = rest.starts_with(&['0', 'x']) || rest.starts_with(&['0', 'X']);
    let mut is_double = false;
    let mut length;
    let whole = if is_hex {
        length = 2 + digits(2, char::is_ascii_hexdigit);
        let text: String = rest[2..length].iter().collect();
        u64::from_str_radix(&text, 16).ok()
    } else {
        length = digits(0, char::is_ascii_digit);
        if rest.get(length) == Some(&'.') && rest.get(length + 1).is_some_and(char::is_ascii_digit)
        {
            is_double = true;
            length += 1 + digits(length + 1, char::is_ascii_digit);
        }
        if matches!(rest.get(length), Some('e' | 'E')) {
            let sign = usize::from(matches!(rest.get(length + 1), Some('+' | '-')));
            is_double = true;
            length += 1 + sign;
            length += digits(length.min(rest.len()), char::is_ascii_digit);
        }
        rest[..length].iter().collect::<String>().parse().ok()
    };
    let text: String = rest[..length].iter().collect();
    let wrong = || Problem::Number(text.clone());
    if is_double {
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        return Ok((Literal::Double(number.ok_or_else(wrong)?), length));
    }
    let number = whole.ok_or_else(wrong)?;
    if matches!(rest.get(length), Some('u' | 'U')) {
        return Ok((Literal::Uint(number), length + 1));
    }
    Ok((Literal::Int(number), length))
}

/// Reads text in quotes, if there is some, and returns its length.
pub(super) fn text(rest: &[char]) -> Result<Option<(Literal, usize)>, Problem> {
    let letters = rest.iter().take_while(|c| matches!(c, 'r' | 'R' | 'b' | 'B')).take(2).count();
    let Some(quote @ ('"' | '\'')) = rest.get(letters).copied() else { return Ok(None) };
    let prefix = &rest[..letters];
    if prefix.iter().any(|c| matches!(c, 'b' | 'B')) {
        return Err(Problem::Unsupported("bytes"));
    }
    let is_raw = !prefix.is_empty();
    let is_triple = rest[letters..].starts_with(&[quote; 3]);
    let close = if is_triple { 3 } else { 1 };
    let mut at = letters + close;
    let mut text = String::new();
    loop {
        let Some(c) = rest.get(at) else { return Err(Problem::OpenText) };
        if *c == quote && rest[at..].starts_with(&[quote; 3][..close]) {
            return Ok(Some((Literal::Text(text), at + close)));
        }
        if *c == '\\' && !is_raw {
            let (c, length) = escape(&rest[at + 1..])?;
            text.push(c);
            at += 1 + length;
            continue;
        }
        if *c == '\n' && !is_triple {
            return Err(Problem::OpenText);
        }
        text.push(*c);
        at += 1;
    }
}

/// Reads what stands after a backslash.
fn escape(rest: &[char]) -> Result<(char, usize), Problem> {
    let first = *rest.first().ok_or(Problem::OpenText)?;
    let (digits, radix, skip) = match first {
        'n' => return Ok(('\n', 1)),
        't' => return Ok(('\t', 1)),
        'r' => return Ok(('\r', 1)),
        'a' => return Ok(('\u{7}', 1)),
        'b' => return Ok(('\u{8}', 1)),
        'f' => return Ok(('\u{c}', 1)),
        'v' => return Ok(('\u{b}', 1)),
        '\\' | '\'' | '"' | '`' | '?' => return Ok((first, 1)),
        'x' | 'X' => (2, 16, 1),
        'u' => (4, 16, 1),
        'U' => (8, 16, 1),
        '0'..='3' => (3, 8, 0),
        _ => return Err(Problem::Escape(first)),
    };
    let code = rest.get(skip..skip + digits).ok_or(Problem::Escape(first))?;
    let code: String = code.iter().collect();
    let number = u32::from_str_radix(&code, radix).ok();
    let c = number.and_then(char::from_u32).ok_or(Problem::Escape(first))?;
    Ok((c, skip + digits))
}
