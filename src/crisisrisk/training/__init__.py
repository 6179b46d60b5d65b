"""From a training recipe and a site's tables to a model and its evaluation."""
