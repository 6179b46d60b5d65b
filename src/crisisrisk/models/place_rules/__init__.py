"""The simple forecasts of places that every model must beat, each of which can be the model itself."""
