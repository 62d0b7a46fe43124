"""The car form: photos from the marketplace's ads to a trained network, and from a seller's photo to filled-in fields."""
