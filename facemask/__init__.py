"""The nouns that the stages and the tools share; knows neither DVC nor a path of the repository."""
