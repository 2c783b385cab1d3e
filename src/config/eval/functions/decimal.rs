use mprov_sdk::Number;

/// A decimal number as its digits, without zeros at either end, and the place of the point: the
/// value is `0.digits * 10^point`.
pub struct Decimal {
    pub negative: bool,
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    pub fn of(number: &Number) -> Self {
        let text = number.to_string();
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.as_str()),
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|b| b - b'0').collect();
        Self { negative, digits, point: whole.len() as i64 }.trimmed()
    }

    fn trimmed(mut self) -> Self {
        let zeros = self.digits.iter().take_while(|d| **d == 0).count();
        self.digits.drain(..zeros);
        self.point -= zeros as i64;
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            self.point = 1;
        }
        self
    }

    /// With at most that many digits, half away to even.
    pub fn rounded(&self, count: usize) -> Self {
        let mut digits = self.digits.clone();
        let mut point = self.point;
        if digits.len() > count {
            let rest = digits.split_off(count);
            let half = rest[0] == 5 && rest[1..].iter().all(|d| *d == 0);
            let up = if half { digits.last().is_some_and(|d| d % 2 == 1) } else { rest[0] >= 5 };
            if up {
                let mut at = digits.len();
                loop {
                    if at == 0 {
                        digits.insert(0, 1);
                        point += 1;
                        break;
                    }
                    at -= 1;
                    if digits[at] < 9 {
                        digits[at] += 1;
                        break;
                    }
                    digits[at] = 0;
                }
            }
        }
        Self { negative: self.negative, digits, point }.trimmed()
    }

    fn digit(&self, at: i64) -> char {
        let digit = usize::try_from(at).ok().and_then(|at| self.digits.get(at)).copied().unwrap_or(0);
        char::from(b'0' + digit)
    }

    pub fn fixed(&self, places: usize) -> String {
        let keep = self.point + places as i64;
        let rounded = match usize::try_from(keep) {
            Ok(keep) => self.rounded(keep),
            Err(_) => Self { negative: false, digits: Vec::new(), point: 1 },
        };
        rounded.plain(places)
    }

    fn plain(&self, places: usize) -> String {
        let mut text: String = match self.point {
            point if point <= 0 => "0".to_owned(),
            point => (0..point).map(|i| self.digit(i)).collect(),
        };
        if places > 0 {
            text.push('.');
            text.extend((0..places as i64).map(|i| self.digit(self.point + i)));
        }
        text
    }

    pub fn exponent(&self, places: Option<usize>) -> String {
        let places = places.unwrap_or(self.digits.len().saturating_sub(1));
        let mut text = self.digit(0).to_string();
        if places > 0 {
            text.push('.');
            text.extend((1..=places as i64).map(|i| self.digit(i)));
        }
        let exponent = if self.digits.is_empty() { 0 } else { self.point - 1 };
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{text}e{sign}{:02}", exponent.abs())
    }

    pub fn general(&self, precision: usize) -> String {
        let threshold = if precision > self.digits.len() && self.digits.len() as i64 >= self.point {
            self.digits.len() as i64
        } else {
            precision as i64
        };
        self.choose(threshold)
    }

    pub fn general_shortest(&self) -> String {
        self.choose(6)
    }

    fn choose(&self, threshold: i64) -> String {
        let exponent = if self.digits.is_empty() { 0 } else { self.point - 1 };
        if exponent < -4 || exponent >= threshold.max(1) {
            return self.exponent(None);
        }
        let places = (self.digits.len() as i64 - self.point).max(0);
        self.plain(places as usize)
    }
}
