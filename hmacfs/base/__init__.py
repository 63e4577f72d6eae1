"""What every other part may use: values, errors, names. Knows neither Twisted nor HTTP."""
