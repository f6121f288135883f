//! What a live run costs, estimated before it is paid for.

use std::fmt::Write as _;

use clap::Args;

/// The tokens of the instructions in each request, rounded up.
pub(super) const INSTRUCTIONS: u64 = 4_000;
/// The tokens of one caption in an answer.
pub(super) const CAPTION: u64 = 80;

/// Prices, which only the provider knows.
#[derive(Args)]
pub(super) struct Prices {
    /// The price of a million tokens that are sent, in any currency: the cost is told in money then
    #[arg(long, requires = "live", requires = "price_per_million_output", value_name = "PRICE", value_parser = price)]
    price_per_million_input: Option<f64>,
    /// The same for tokens that are answered
    #[arg(long, requires = "live", requires = "price_per_million_input", value_name = "PRICE", value_parser = price)]
    price_per_million_output: Option<f64>,
}

/// The estimated cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    /// How many captions calls there are.
    pub(super) calls: u64,
    /// The tokens that are sent.
    pub(super) input: u64,
    /// The tokens that are answered.
    pub(super) output: u64,
}

impl Cost {
    /// The cost for people, on one line.
    pub(super) fn told(&self, prices: &Prices) -> String {
        let Self {
            calls,
            input,
            output,
        } = *self;
        let mut told = format!(
            "Estimated cost: {calls} calls, {input} tokens sent and {output} answered, at most"
        );
        let prices = prices
            .price_per_million_input
            .zip(prices.price_per_million_output);
        if let Some((of_input, of_output)) = prices {
            let millions = |tokens: u64| f64::from(u32::try_from(tokens).unwrap_or(u32::MAX)) / 1e6;
            let money = millions(input) * of_input + millions(output) * of_output;
            // Writing to a `String` does not fail.
            let _ = write!(told, ": {money:.2} at these prices");
        }
        told + ".\n"
    }
}

/// A price of 0 or more.
fn price(text: &str) -> Result<f64, &'static str> {
    let price = text.parse().ok();
    let price = price.filter(|it: &f64| it.is_finite() && *it >= 0.0);
    price.ok_or("must be a number, 0 or more")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Cost = Cost {
        calls: 100,
        input: 400_000,
        output: 72_000,
    };

    #[test]
    fn the_cost_is_told_in_tokens_and_in_money_where_prices_are_known() {
        let prices = |input, output| Prices {
            price_per_million_input: input,
            price_per_million_output: output,
        };
        assert_eq!(
            COST.told(&prices(None, None)),
            "Estimated cost: 100 calls, 400000 tokens sent and 72000 answered, at most.\n"
        );
        let told = COST.told(&prices(Some(0.5), Some(2.0)));
        assert!(
            told.ends_with(" at most: 0.34 at these prices.\n"),
            "{told}"
        );
    }

    #[test]
    fn a_price_is_a_number_that_is_not_negative() {
        assert_eq!(price("0.15"), Ok(0.15));
        for text in ["", "-1", "NaN", "inf", "1,5"] {
            assert!(price(text).is_err(), "{text}");
        }
    }
}
