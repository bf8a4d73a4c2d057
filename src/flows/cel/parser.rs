//! From words to a tree.

use super::{
    invalid::{InvalidExpression, Problem},
    literal::Literal,
    syntax::{Expr, Operator, What},
    token::{Spot, Token, split},
};

/// As in Hubble.
const MAX_LENGTH: usize = 4096;
/// Deepest nesting: this parser, the checks and the evaluation call themselves that often.
pub(super) const MAX_DEPTH: usize = 48;

type Parsed<T> = Result<T, InvalidExpression>;

/// Reads an expression.
pub(super) fn parse(text: &str) -> Parsed<Expr> {
    let count = text.chars().count();
    if count > MAX_LENGTH {
        return Err(Problem::TooLong { count, limit: MAX_LENGTH }.at(0));
    }
    let mut parser = Parser { spots: split(text)?, next: 0, depth: 0 };
    let expr = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser {
    spots: Vec<Spot>,
    next: usize,
    /// Expressions that are not read to their end.
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.spots[self.next].token
    }

    fn at(&self) -> usize {
        self.spots[self.next].at
    }

    /// Steps over a word; the end stays.
    fn step(&mut self) {
        self.next = (self.next + 1).min(self.spots.len() - 1);
    }

    fn take(&mut self, symbol: &str) -> bool {
        let is_it = matches!(self.peek(), Token::Symbol(found) if *found == symbol);
        if is_it {
            self.step();
        }
        is_it
    }

    fn unexpected(&self, wanted: &'static str) -> InvalidExpression {
        Problem::Unexpected { found: self.peek().to_string(), wanted }.at(self.at())
    }

    fn expect(&mut self, symbol: &'static str) -> Parsed<()> {
        if self.take(symbol) { Ok(()) } else { Err(self.unexpected(symbol)) }
    }

    /// Makes a part; one that is too deep is refused before anything walks it.
    fn part(at: usize, what: What) -> Parsed<Expr> {
        let depth = 1 + what.depth();
        if depth > MAX_DEPTH {
            return Err(Problem::TooDeep { limit: MAX_DEPTH }.at(at));
        }
        Ok(Expr { at, depth, what })
    }

    /// Reads with one more level of nesting.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Problem::TooDeep { limit: MAX_DEPTH }.at(self.at()));
        }
        let done = read(self);
        self.depth -= 1;
        done
    }

    fn expression(&mut self) -> Parsed<Expr> {
        self.deeper(|parser| {
            let at = parser.at();
            let condition = parser.any()?;
            if !parser.take("?") {
                return Ok(condition);
            }
            let yes = parser.any()?;
            parser.expect(":")?;
            let no = parser.expression()?;
            Self::part(at, What::If(Box::new([condition, yes, no])))
        })
    }

    fn any(&mut self) -> Parsed<Expr> {
        self.chain("||", Self::all, What::Any)
    }

    fn all(&mut self) -> Parsed<Expr> {
        self.chain("&&", |parser| parser.binary(1), What::All)
    }

    fn chain(
        &mut self,
        symbol: &str,
        read: impl Fn(&mut Self) -> Parsed<Expr>,
        make: impl FnOnce(Vec<Expr>) -> What,
    ) -> Parsed<Expr> {
        let at = self.at();
        let first = read(self)?;
        if !self.take(symbol) {
            return Ok(first);
        }
        let mut parts = vec![first, read(self)?];
        while self.take(symbol) {
            parts.push(read(self)?);
        }
        Self::part(at, make(parts))
    }

    /// Reads operators that bind at least so tightly.
    fn binary(&mut self, least: usize) -> Parsed<Expr> {
        let mut left = self.unary()?;
        while let Token::Symbol(symbol) = self.peek()
            && let Some((operator, binding)) = Operator::of(symbol)
            && binding >= least
        {
            let at = self.at();
            self.step();
            let right = self.binary(binding + 1)?;
            left = Self::part(at, What::Binary(operator, Box::new([left, right])))?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let at = self.at();
        if self.take("!") {
            let of = self.deeper(Self::unary)?;
            return Self::part(at, What::Not(of.into()));
        }
        if self.take("-") {
            let of = self.deeper(Self::unary)?;
            return Self::part(at, What::Negate(of.into()));
        }
        let mut expr = self.primary()?;
        loop {
            let at = self.at();
            if self.take(".") {
                let name = self.name()?;
                let of = Box::new(expr);
                let what = if self.take("(") {
                    What::Call { of: Some(of), name, args: self.list(")")? }
                } else {
                    What::Select(of, name)
                };
                expr = Self::part(at + 1, what)?;
            } else if self.take("[") {
                let index = self.expression()?;
                self.expect("]")?;
                expr = Self::part(at, What::Binary(Operator::Index, Box::new([expr, index])))?;
            } else if matches!(self.peek(), Token::Symbol("{")) {
                return Err(Problem::Unsupported("messages made by an expression").at(at));
            } else {
                return Ok(expr);
            }
        }
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let at = self.at();
        let token = self.peek().clone();
        match token {
            Token::Literal(literal) => {
                self.step();
                Self::part(at, What::Literal(literal))
            }
            Token::Name(name) => {
                self.step();
                let what = if self.take("(") {
                    What::Call { of: None, name, args: self.list(")")? }
                } else {
                    What::Name(name)
                };
                Self::part(at, what)
            }
            Token::Symbol("(") => {
                self.step();
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Symbol("[") => {
                self.step();
                let parts = self.list("]")?;
                Self::part(at, What::List(parts))
            }
            // The name is not to be looked for in the package of flows.
            Token::Symbol(".") => {
                self.step();
                let name = self.name()?;
                Self::part(at, What::Name(format!(".{name}")))
            }
            Token::Symbol("{") => Err(Problem::Unsupported("maps").at(at)),
            Token::Symbol(_) | Token::End => Err(self.unexpected("an expression")),
        }
    }

    fn name(&mut self) -> Parsed<String> {
        match self.peek().clone() {
            Token::Name(name) => {
                self.step();
                Ok(name)
            }
            // A field may have the name of an operator.
            Token::Symbol("in") => {
                self.step();
                Ok("in".to_owned())
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    /// Reads up to a closing bracket; a comma may stand before it.
    fn list(&mut self, close: &'static str) -> Parsed<Vec<Expr>> {
        let mut parts = Vec::new();
        while !self.take(close) {
            parts.push(self.expression()?);
            if !self.take(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(parts)
    }
}

impl Expr {
    /// Returns a number with the sign that stands before it.
    pub(super) const fn signed(&self) -> Option<(bool, u64)> {
        match &self.what {
            What::Literal(Literal::Int(number)) => Some((false, *number)),
            What::Negate(of) => match &of.what {
                What::Literal(Literal::Int(number)) => Some((true, *number)),
                _ => None,
            },
            _ => None,
        }
    }
}
