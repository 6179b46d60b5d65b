"""A bundle and a site's tables in; a risk list or a risk map out."""
